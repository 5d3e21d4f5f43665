//! How two curves differ.

use crate::curve::Curve;
use crate::error::Result;
use crate::time::unit::Counter;
use crate::view::outline::Counted;
use crate::view::{View, search};

/// Where two curves are furthest apart within a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// The stretch.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// Where they are furthest apart. It is the stretch's end if neither jumps there, and the last
    /// time before it if one does.
    pub at: f64,
    /// α of both curves there.
    pub alphas: (f64, f64),
}

impl Curve {
    /// How this curve and another differ along a counter, between the beginnings of the phases of
    /// both, until the longer run ends. The other's time may be counted by its own run.
    pub fn apart(&self, other: &Self, counter: Counter) -> Result<Vec<Apart>> {
        let views = [View::new(self, counter)?, View::new(other, counter)?];
        let end = views[0].end.max(views[1].end);
        let mut starts = vec![0.0];
        for view in &views {
            let counted = Counted::Phases(view.span(0.0, view.end));
            starts.extend(view.all(0.0, view.end, counted, 1000).unwrap_or_default());
        }
        starts.retain(|start| *start < end);
        starts.sort_by(f64::total_cmp);
        starts.dedup();
        let ends: Vec<f64> = starts.iter().skip(1).copied().chain([end]).collect();
        let stretches = starts.into_iter().zip(ends);
        stretches.map(|(from, to)| furthest(&views, from, to)).collect()
    }
}

fn furthest([one, other]: &[View<'_>; 2], from: f64, to: f64) -> Result<Apart> {
    /// So many times where there are functions, of which no more is known.
    const SAMPLES: u32 = 1000;
    let alpha = |view: &View<'_>, t: f64| view.curve.on_counter(view.counter, t);
    let alphas = |t: f64| Ok((alpha(one, t)?, alpha(other, t)?));
    let end = to.next_down();
    let apart = |t: f64| one.alpha(t) - other.alpha(t);
    let at = if one.curve.has_functions() || other.curve.has_functions() {
        let mut worst = (from, -1.0);
        for sample in 0..=SAMPLES {
            let t = from + (end - from) * (f64::from(sample) / f64::from(SAMPLES));
            let (first, then) = alphas(t)?;
            if (first - then).abs() > worst.1 {
                worst = (t, (first - then).abs());
            }
        }
        worst.0
    } else {
        let scale = one.range(from, end).1.max(other.range(from, end).1);
        let bound = |a: f64, b: f64| {
            let (ours, theirs) = (one.range(a, b), other.range(a, b));
            (ours.1 - theirs.0).max(theirs.1 - ours.0)
        };
        let found = search::search(&[(from, end)], scale, bound, |t, _| Some((t, apart(t).abs())));
        let jumps = |view: &View<'_>| view.is_jump(&view.jump(to));
        match found.map_or(from, |found| found.at) {
            at if at == end && !jumps(one) && !jumps(other) => to,
            at => at,
        }
    };
    Ok(Apart { from, to, at, alphas: alphas(at)? })
}
