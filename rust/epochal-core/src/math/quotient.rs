//! Quotients by one divisor.

use super::trimmed;

/// 1/divisor, if [`quotient`] can do with it: for a divisor of at most 22 digits. Else 0.
pub(crate) fn short_inverse(divisor: f64) -> f64 {
    /// The digits that must be 0, and the divisors whose inverse and multiples are far from the
    /// ends of the range of floats.
    const REST: u64 = (1 << 31) - 1;
    const RANGE: std::ops::Range<f64> = 1.0..1e100;
    let is_short = RANGE.contains(&divisor) && divisor.to_bits() & REST == 0;
    if is_short { 1.0 / divisor } else { 0.0 }
}

/// dividend/divisor, with the bits of the CPU's division and in a fraction of its time.
///
/// The first 26 digits of the quotient are taken away exactly; what is left is divided by way of
/// the inverse, so the sum is the quotient up to 2^-77 of it before it is rounded. No quotient by 22
/// digits is so near to the middle of two floats: m·divisor − dividend, for a middle m, is a whole
/// number in units of 2^-54 of the quotient times the divisor's last digit, and not 0, as m has 54
/// digits. Only a quotient that is not a normal number may be rounded otherwise.
#[inline(always)]
pub(crate) fn quotient(dividend: f64, divisor: f64, inverse: f64) -> f64 {
    let leading = trimmed(dividend * inverse);
    leading + (dividend - leading * divisor) * inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_the_division() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 11
        };
        for n in 0..200_000 {
            // Odd divisors of up to 22 digits, and those times a power of two.
            let digits = random() % (1 << (1 + n % 22)) | 1;
            let divisor = (digits << (random() % 30)) as f64;
            let inverse = short_inverse(divisor);
            assert!(inverse > 0.0, "{divisor}");
            // Whole dividends, those of all digits, and those whose quotients lie beside a middle.
            let middle = ((1 << 53 | random()) as f64 + 0.5) * divisor;
            let all = f64::from_bits((random() % 200 + 923) << 52 | random() >> 1);
            for dividend in [(random() % digits) as f64, all, middle] {
                for dividend in [dividend.next_down(), dividend, dividend.next_up()] {
                    let exact = dividend / divisor;
                    if dividend > 0.0 {
                        let quotient = quotient(dividend, divisor, inverse);
                        assert_eq!(quotient.to_bits(), exact.to_bits(), "{dividend} {divisor}");
                    }
                }
            }
        }
        assert_eq!(quotient(0.0, 3.0, short_inverse(3.0)).to_bits(), 0);
    }

    #[test]
    fn long_divisors_have_no_short_inverse() {
        for divisor in [0.0, 0.1, 0.5, 1.0 / 3.0, 4_194_305.0, 1e300, f64::INFINITY, f64::NAN] {
            assert_eq!(short_inverse(divisor), 0.0, "{divisor}");
        }
        assert_eq!([1.0, 4_194_303.0, 1e6].map(short_inverse), [1.0, 1.0 / 4_194_303.0, 1e-6]);
    }
}
