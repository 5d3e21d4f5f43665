//! Every level gives each formula the bits that single times have.

use epochal_core::{
    Counter, Ease, Eases, Facts, Level, Result, Run, Schedule, Sink, Source, Time, evaluate,
};
use std::num::NonZeroUsize;

/// Each formula in every form that it may take: lengths that are whole, and others.
fn schedules() -> Result<Vec<Schedule>> {
    let time = |text: &str| text.parse::<Time>();
    let end = time("0.97dur")?;
    let mut schedules = vec![
        Schedule::constant(0.3, time("777ba")?)?,
        Schedule::linear(1.3, 0.1, end)?,
        Schedule::cosine_annealing(end, 0.1)?,
        Schedule::multi_step(vec![time("500ba")?, time("500ba")?, time("7000ba")?], 0.1)?,
        Schedule::multi_step(
            (1..100).map(|n| time(&format!("{}ba", n * 97))).collect::<Result<_>>()?,
            0.9,
        )?,
        Schedule::exponential(0.0, time("37ba")?)?,
        Schedule::exponential(0.99, time("37ba")?)?,
        Schedule::exponential(1.01, time("37ba")?)?,
        Schedule::inverse_square_root(time("100ba")?, 0.1, true)?,
        Schedule::step(time("37ba")?, 0.99)?,
    ];
    for power in [0.5, 1.0, 2.0, 3.0, 0.37, 5.5] {
        schedules.push(Schedule::polynomial(power, end, 0.1)?);
    }
    for t_mult in [1.0, 1.5, 1.0001] {
        let t_0 = time("37ba")?;
        schedules.push(Schedule::cosine_annealing_warm_restarts(t_0, t_mult, 0.1)?);
    }
    for (ease, _) in Ease::TABLE {
        for count in [2, 5, 1000] {
            let point = |n: usize| {
                Ok((time(&format!("{}ba", n * 9000 / count))?, 0.01 + (n * 37 % 101) as f64))
            };
            let points = (0..count).map(point).collect::<Result<Vec<_>>>()?;
            schedules.push(Schedule::piecewise(points, Eases::All(ease))?);
        }
        let tail = Schedule::cosine_annealing(end, 0.1)?;
        let start = if ease == Ease::Geometric { 0.1 } else { 0.0 };
        schedules.push(Schedule::after_warmup(tail, time("100ba")?, start, ease, true)?);
    }
    Ok(schedules)
}

#[test]
fn every_level_gives_the_bits_of_single_times() -> Result<()> {
    const POINTS: usize = 2500;
    let sorted: Vec<f64> = (0..POINTS as u32).map(|n| f64::from(n * 5)).collect();
    let mut shuffled: Vec<f64> = (0..POINTS).map(|n| sorted[n * 389 % POINTS] + 0.37).collect();
    shuffled[17] = 1e300;
    for scale in [1.0, 0.3] {
        let batches = Time::from_int(10_001, Counter::Batch.unit())?;
        let run = Run::new(batches, Facts::default(), scale)?;
        for schedule in schedules()? {
            let curve = schedule.resolve(&run)?;
            for times in [&sorted, &shuffled] {
                let alone: Result<Vec<u64>> =
                    times.iter().map(|t| curve.at_number(*t).map(f64::to_bits)).collect();
                for level in Level::available() {
                    Level::choose("level", level.name())?;
                    let mut out = vec![0.0; POINTS];
                    let mut sources = [None; Counter::COUNT];
                    sources[Counter::Batch as usize] = Some(Source::F64(times));
                    let sink = Sink::F64(&mut out);
                    let together = evaluate(&[&curve], &sources, sink, NonZeroUsize::new(1));
                    let together =
                        together.map(|()| out.iter().map(|alpha| alpha.to_bits()).collect());
                    assert_eq!(together, alone, "{level:?} {schedule}");
                }
            }
        }
    }
    Ok(())
}
