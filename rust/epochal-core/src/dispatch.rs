//! One body, compiled for the baseline and for wider registers; the CPU decides which one runs.
//!
//! All are the same plain IEEE operations in the same order, so all give the same bits.
#![allow(unsafe_code)]

use crate::shape::Shape;

/// α at each time, by the widest instructions that the CPU has.
pub(crate) fn fill(shape: &Shape, times: &[f64], out: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the CPU has these instructions.
            return unsafe { fill_avx512(shape, times, out) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has these instructions.
            return unsafe { fill_avx2(shape, times, out) };
        }
    }
    shape.fill(times, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn fill_avx512(shape: &Shape, times: &[f64], out: &mut [f64]) {
    shape.fill(times, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn fill_avx2(shape: &Shape, times: &[f64], out: &mut [f64]) {
    shape.fill(times, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Double;
    use crate::shape::{Cycles, Decay, Period};

    #[test]
    fn every_level_gives_the_same_bits() {
        let decay = Decay::new(Double::from(100.0), Double::from(9_999.7));
        let period = Period { length: Double::from(37.3), slack: 0.0 };
        let times: Vec<f64> = (0..12_345).map(f64::from).collect();
        for shape in [
            Shape::Step { period, gamma: 0.99 },
            Shape::Constant { alpha: 0.3, end: 777.0 },
            Shape::Linear { decay, from: 1.3, to: 0.1 },
            Shape::Exponential { gamma: 0.99, period: 37.3 },
            Shape::Cosine { decay, to: 0.1 },
            Shape::Restarts { cycles: Cycles { first: period, ratio: 1.5 }, to: 0.1 },
            Shape::Polynomial { decay, power: 2.0, to: 0.1 },
        ] {
            let mut levels = vec![vec![0.0; times.len()]];
            shape.fill(&times, &mut levels[0]);
            #[cfg(target_arch = "x86_64")]
            {
                if is_x86_feature_detected!("avx2") {
                    let mut out = vec![0.0; times.len()];
                    // SAFETY: the CPU has these instructions.
                    unsafe { fill_avx2(&shape, &times, &mut out) };
                    levels.push(out);
                }
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                    let mut out = vec![0.0; times.len()];
                    // SAFETY: the CPU has these instructions.
                    unsafe { fill_avx512(&shape, &times, &mut out) };
                    levels.push(out);
                }
            }
            for level in &levels[1..] {
                let same = level.iter().zip(&levels[0]).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{shape:?}");
            }
        }
    }
}
