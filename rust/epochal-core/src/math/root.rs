//! 1/√x

use super::smaller;

/// 1/√x for x from 1 on, exactly 1 for x = 1; from 2^126 on it stays.
///
/// Roots and quotients of floats of 24 bits take a quarter of the time. From there one step is
/// enough: for e = 1 − x·y², 1/√x is y/√(1 − e) = y·(1 + e/2 + 3e²/8 + …), and e is below 2^-21.
#[inline(always)]
pub(crate) fn inverse_root(x: f64) -> f64 {
    /// 2^126, a float of 24 bits still.
    const LARGEST: f64 = 8.507059173023462e37;
    let x = smaller(x, LARGEST);
    let y = f64::from(1.0 / (x as f32).sqrt());
    // The square is exact.
    let e = 1.0 - x * (y * y);
    y + y * (e * (0.5 + 0.375 * e))
}

#[cfg(test)]
mod tests {
    use super::super::product;
    use super::*;

    #[test]
    fn inverse_roots_are_within_an_ulp() {
        assert_eq!([1.0, 4.0, 2f64.powi(100)].map(inverse_root), [1.0, 0.5, 2f64.powi(-50)]);
        let mut x = 1.0;
        for n in 0..200_000 {
            let y = inverse_root(x);
            // x·y² − 1 is twice the relative error of y; the rest of each product counts.
            let (square, rest) = product(y, y);
            let (whole, whole_rest) = product(x, square);
            let error = ((whole - 1.0) + (whole_rest + x * rest)) / 2.0;
            assert!(error.abs() <= f64::EPSILON, "{x:?} {y:?} {error:?}");
            // Neighbouring floats now and then.
            let next = if n % 16 == 0 { x * 1.0004 } else { x.next_up() };
            assert!(inverse_root(next) <= y, "{x:?}");
            x = next;
        }
        assert!(x > 100.0);
    }

    #[test]
    fn the_largest_numbers_have_inverse_roots() {
        for x in [1e37, 1e38, 1e300, f64::MAX, f64::INFINITY] {
            assert!((2f64.powi(-63)..1e-18).contains(&inverse_root(x)), "{x}");
        }
    }
}
