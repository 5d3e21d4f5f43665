//! Values beyond the range of floats, and what becomes of them in operations.

use epochal_core::{
    Counter, Curve, Facts, Kind, Result, Run, Schedule, Sink, Source, Time, evaluate,
};

fn time(text: &str) -> Time {
    text.parse().expect("a time")
}

/// 10^t, which no float holds from t = 309 on.
fn growing() -> Result<Schedule> {
    Schedule::exponential(10.0, time("1ba"))
}

fn in_a_run(schedule: &Schedule) -> Result<Curve> {
    schedule.resolve(&Run::new(time("100ba"), Facts::default(), 1.0)?)
}

fn together(curve: &Curve, times: &[f64]) -> Result<Vec<f64>> {
    let mut out = vec![-1.0; times.len()];
    let mut sources = [None; Counter::COUNT];
    sources[Counter::Batch as usize] = Some(Source::F64(times));
    evaluate(&[curve], &sources, Sink::F64(&mut out), None).map(|()| out)
}

#[test]
fn a_value_that_is_no_number_is_never_returned() -> Result<()> {
    let nothing = Schedule::scale(growing()?, 0.0)?;
    let shrinking = Schedule::exponential(0.1, time("1ba"))?;
    let steady = Schedule::constant(1.0, time("1000ba"))?;
    for schedule in [
        nothing.clone(),
        Schedule::until(steady.clone(), time("10ba"), nothing.clone(), false)?,
        Schedule::until(nothing.clone(), time("500ba"), steady, false)?,
        Schedule::clip(nothing, 0.5, Some(2.0))?,
        Schedule::clip(growing()?.times(&shrinking)?, 0.5, Some(2.0))?,
    ] {
        let curve = in_a_run(&schedule)?;
        let times: Vec<f64> = (0..40).map(|n| f64::from(n) * 10.0).collect();
        let alone: Vec<f64> = times.iter().map(|t| curve.at_number(*t)).collect::<Result<_>>()?;
        assert_eq!(together(&curve, &times)?, alone, "{schedule}");
        // After the run, what no float holds is what the run ended with.
        assert_eq!(alone[39], curve.at_number(100.0)?, "{schedule}");
    }
    Ok(())
}

#[test]
fn bounds_do_not_hide_a_value_that_is_no_number() -> Result<()> {
    // 0 × 10^400 within the run: a clip would make any number of it.
    let far = Schedule::advance(growing()?, time("400ba"), false)?;
    let clipped = Schedule::clip(Schedule::scale(far, 0.0)?, 0.5, None)?;
    assert_eq!(in_a_run(&clipped).map_err(|error| error.kind()).err(), Some(Kind::Schedule));
    Ok(())
}
