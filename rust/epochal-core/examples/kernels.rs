//! Evaluates one curve, for a count of the instructions that it takes.
//!
//! `kernels` prints the names of all curves. `kernels NAME` evaluates that curve once, in the
//! function [`measured`], and prints the sum of its values.

use epochal_core::{
    Counter, Curve, Ease, Eases, Facts, Level, Result, Run, Schedule, Sink, Source, Time, evaluate,
};
use std::env;
use std::hint::black_box;
use std::num::NonZeroUsize;

const POINTS: usize = 100_000;

/// The batches of the run; its last tenth lies past the end of every decay.
const BATCHES: i64 = 90_000;

/// How the times of a curve are given.
#[derive(Clone, Copy)]
enum Times {
    Sorted,
    /// Each time once, in an order that no branch predictor follows.
    Shuffled,
    Integers,
    Grid,
    /// One call for each.
    Single,
}

struct Case {
    name: &'static str,
    times: Times,
    schedule: Schedule,
}

fn batches(count: i64) -> Time {
    Time::from_int(count, Counter::Batch.unit()).expect("a count in range")
}

fn cases() -> Result<Vec<Case>> {
    use Times::{Grid, Integers, Shuffled, Single, Sorted};
    let end = Time::from_fraction(1.0)?;
    let milestones = |count: i64| (1..=count).map(|i| batches(i * BATCHES / (count + 1))).collect();
    let cosine = || Schedule::cosine_annealing(end, 0.1);
    let polynomial = |power: f64| Schedule::polynomial(power, end, 0.1);
    let restarts =
        |t_mult: f64| Schedule::cosine_annealing_warm_restarts(batches(1000), t_mult, 0.1);
    let multi_step = |count: i64| Schedule::multi_step(milestones(count), 0.9);
    let linear = || Schedule::linear(1.0, 0.1, end);
    let constant = || Schedule::constant(0.5, end);
    let step = || Schedule::step(batches(1000), 0.9);
    let points = |count: i64, ease| {
        let point = |i: i64| (batches(i * BATCHES / count), 0.1 + (i * 7 % 10) as f64 / 10.0);
        Schedule::piecewise((0..=count).map(point).collect(), Eases::All(ease))
    };
    let exponential = || Schedule::exponential(0.9, batches(1000));
    let after = |tail| Schedule::after_warmup(tail, batches(9000), 0.0, Ease::Linear, false);
    let until = |carry| Schedule::until(linear()?, batches(45_000), exponential()?, carry);
    let cooldown = || Schedule::cooldown(linear()?, batches(45_000), end, 0.0, Ease::OneMinusSqrt);
    let ending = || Schedule::ending(linear()?, batches(9000), end, 0.0, Ease::Linear, false);
    Ok([
        ("step", Sorted, step()?),
        ("step, shuffled", Shuffled, step()?),
        ("multi-step of 3", Sorted, multi_step(3)?),
        ("multi-step of 100", Sorted, multi_step(100)?),
        ("multi-step of 100, shuffled", Shuffled, multi_step(100)?),
        ("constant", Sorted, constant()?),
        ("linear", Sorted, linear()?),
        ("exponential", Sorted, exponential()?),
        ("cosine", Sorted, cosine()?),
        ("cosine, integers", Integers, cosine()?),
        ("cosine, grid", Grid, cosine()?),
        ("cosine, single", Single, cosine()?),
        ("restarts", Sorted, restarts(1.0)?),
        ("restarts, growing", Sorted, restarts(1.5)?),
        ("restarts, growing, shuffled", Shuffled, restarts(1.5)?),
        ("polynomial of 1/2", Sorted, polynomial(0.5)?),
        ("polynomial of 0.7", Sorted, polynomial(0.7)?),
        ("polynomial of 2", Sorted, polynomial(2.0)?),
        ("polynomial of 3", Sorted, polynomial(3.0)?),
        ("polynomial of 4.2", Sorted, polynomial(4.2)?),
        ("warmup, multi-step of 3", Sorted, after(multi_step(3)?)?),
        ("warmup, constant", Sorted, after(constant()?)?),
        ("warmup, linear", Sorted, after(linear()?)?),
        ("warmup, cosine", Sorted, after(cosine()?)?),
        ("warmup, cosine, single", Single, after(cosine()?)?),
        ("warmup, polynomial of 2", Sorted, after(polynomial(2.0)?)?),
        ("product", Sorted, Schedule::product(vec![linear()?, step()?])?),
        ("scale", Sorted, Schedule::scale(linear()?, 0.5)?),
        ("lift", Sorted, Schedule::lift(linear()?, 0.1)?),
        ("clip", Sorted, Schedule::clip(linear()?, 0.2, Some(0.8))?),
        ("until", Sorted, until(false)?),
        ("until, carried", Sorted, until(true)?),
        ("cooldown", Sorted, cooldown()?),
        ("ending", Sorted, ending()?),
        ("repeat", Sorted, Schedule::repeat(linear()?, batches(1000))?),
        ("advance", Sorted, Schedule::advance(linear()?, batches(1), false)?),
        ("delay", Sorted, Schedule::delay(linear()?, batches(1), false)?),
        ("inverse square root", Sorted, Schedule::inverse_square_root(batches(1000), 0.1, true)?),
        ("4 points, linear", Sorted, points(3, Ease::Linear)?),
        ("4 points, linear, single", Single, points(3, Ease::Linear)?),
        ("4 points, cosine", Sorted, points(3, Ease::Cosine)?),
        ("4 points, 1-sqrt", Sorted, points(3, Ease::OneMinusSqrt)?),
        ("4 points, geometric", Sorted, points(3, Ease::Geometric)?),
        ("1001 points, linear", Sorted, points(1000, Ease::Linear)?),
        ("1001 points, linear, shuffled", Shuffled, points(1000, Ease::Linear)?),
    ]
    .into_iter()
    .map(|(name, times, schedule)| Case { name, times, schedule })
    .collect())
}

/// The only function whose instructions are counted. Never inlined, so that it can be found.
#[inline(never)]
fn measured(
    curve: &Curve,
    source: Option<Source<'_>>,
    times: &[f64],
    out: &mut [f64],
) -> Result<()> {
    let Some(source) = source else {
        for (alpha, t) in out.iter_mut().zip(times) {
            *alpha = curve.at_number(*t)?;
        }
        return Ok(());
    };
    let mut sources = [None; Counter::COUNT];
    sources[Counter::Batch as usize] = Some(source);
    evaluate(&[curve], &sources, Sink::F64(out), NonZeroUsize::new(1))
}

fn run(case: &Case) -> Result<f64> {
    let run = Run::new(batches(BATCHES), Facts::default(), 1.0)?;
    let curve = case.schedule.resolve(&run)?;
    // 7919 is prime to the number of points, so each index comes up once.
    let stride = if matches!(case.times, Times::Shuffled) { 7919 } else { 1 };
    let integers: Vec<i64> = (0..POINTS).map(|i| (i * stride % POINTS) as i64).collect();
    let floats: Vec<f64> = integers.iter().map(|t| *t as f64).collect();
    let source = match case.times {
        Times::Sorted | Times::Shuffled => Some(Source::F64(&floats)),
        Times::Integers => Some(Source::I64(&integers)),
        Times::Grid => Some(Source::Grid { start: 0.0, step: 1.0, len: POINTS }),
        Times::Single => None,
    };
    let mut out = vec![0.0; POINTS];
    // The first call asks the CPU what it can do.
    curve.at_number(0.0)?;
    measured(black_box(&curve), black_box(source), &floats, black_box(&mut out))?;
    Ok(out.iter().sum())
}

fn main() -> Result<()> {
    // The level that every CPU has, and the narrowest: what it wastes counts most.
    Level::choose("level", "baseline")?;
    let cases = cases()?;
    match env::args().nth(1) {
        None => cases.iter().for_each(|case| println!("{}", case.name)),
        Some(name) => match cases.iter().find(|case| case.name == name) {
            Some(case) => println!("{:?}", run(case)?),
            None => panic!("no curve '{name}'"),
        },
    }
    Ok(())
}
