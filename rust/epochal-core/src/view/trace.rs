//! A curve as a line to draw.

use crate::curve::Curve;
use crate::error::Result;
use crate::view::View;
use crate::view::outline::Counted;

impl Curve {
    /// Points (t, α) of a line that shows the curve from one time to another in so many columns.
    /// A jump has a point on either side. In a column that holds more than that, the line runs
    /// from the smallest to the largest α; of functions it has one value a column.
    pub fn trace(&self, from: f64, to: f64, columns: u32) -> Result<Vec<(f64, f64)>> {
        let view = View::new(self, self.counter()?)?;
        let alpha = |t: f64| Ok((t, self.on_counter(view.counter, t)?));
        let edge = |column: u32| match column == columns {
            true => to,
            false => from + (to - from) * (f64::from(column) / f64::from(columns)),
        };
        let mut line = Vec::new();
        for column in 0..columns {
            view.trace_column(edge(column), edge(column + 1), &alpha, &mut line)?;
        }
        line.push(alpha(to)?);
        Ok(line)
    }
}

impl View<'_> {
    fn trace_column(
        &self,
        a: f64,
        b: f64,
        alpha: &impl Fn(f64) -> Result<(f64, f64)>,
        line: &mut Vec<(f64, f64)>,
    ) -> Result<()> {
        /// As many as can be told apart.
        const FEW: usize = 3;
        line.push(alpha(a)?);
        // At the edge of the next column, too.
        let changes = match self.changes(a, b, Counted::All) > 4.0 * FEW as f64 {
            true => None,
            false => self.all(a, b, Counted::All, FEW),
        };
        match changes {
            Some(changes) => {
                for at in changes {
                    line.extend([alpha(at.next_down())?, alpha(at)?]);
                }
            }
            None if self.curve.has_functions() => {}
            None => {
                let (low, high) = self.range(a, b);
                line.extend([(a, low), (a, high)]);
            }
        }
        Ok(())
    }
}
