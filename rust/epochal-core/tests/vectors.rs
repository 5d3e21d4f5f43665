//! Every point of `tests/vectors/composer.jsonl`, the text file that the Python tests read too.

use epochal_core::{Counter, Ease, Facts, Run, Schedule, Time};
use serde_json::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/composer.jsonl");

/// A class of Composer's and its keyword arguments, with Composer's defaults.
fn schedule(class: &str, arguments: &Value) -> Schedule {
    let time = |name: &str| -> Time {
        arguments[name].as_str().unwrap_or("1dur").parse().expect("a time string")
    };
    let number = |name: &str, default: f64| arguments[name].as_f64().unwrap_or(default);
    let stem = class.strip_suffix("Scheduler").expect("a scheduler");
    let (stem, warmup) = match stem.strip_suffix("WithWarmup") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let tail = match stem {
        "Step" => Schedule::step(time("step_size"), number("gamma", 0.1)),
        "MultiStep" => {
            let milestones = arguments["milestones"].as_array().expect("a list").iter();
            let milestones = milestones.map(|m| m.as_str().unwrap().parse().unwrap()).collect();
            Schedule::multi_step(milestones, number("gamma", 0.1))
        }
        "Constant" => Schedule::constant(number("alpha", 1.0), time("t_max")),
        "Linear" => Schedule::linear(number("alpha_i", 1.0), number("alpha_f", 0.0), time("t_max")),
        "Exponential" => Schedule::exponential(number("gamma", f64::NAN), time("decay_period")),
        "CosineAnnealing" => Schedule::cosine_annealing(time("t_max"), number("alpha_f", 0.0)),
        "CosineAnnealingWarmRestarts" => Schedule::cosine_annealing_warm_restarts(
            time("t_0"),
            number("t_mult", 1.0),
            number("alpha_f", 0.0),
        ),
        "Polynomial" => {
            Schedule::polynomial(number("power", 2.0), time("t_max"), number("alpha_f", 0.0))
        }
        _ => panic!("no class {class}"),
    };
    let tail = tail.expect("valid arguments");
    if warmup {
        let scaled = arguments["scale_warmup"].as_bool().unwrap_or(false);
        Schedule::after_warmup(tail, time("t_warmup"), 0.0, Ease::Linear, scaled)
            .expect("valid arguments")
    } else {
        tail
    }
}

#[test]
fn every_point_agrees_with_composer() {
    let text = std::fs::read_to_string(VECTORS).expect("the vectors");
    let mut points = 0;
    for (line, case) in text.lines().enumerate() {
        let case: Value = serde_json::from_str(case).expect("JSON");
        let count = |name: &str| case[name].as_i64().expect("a count");
        let facts = Facts {
            batches_per_epoch: Some(count("dataloader_len")),
            samples_per_batch: Some(count("samples_per_batch")),
            tokens_per_batch: Some(count("samples_per_batch") * count("tokens_per_sample")),
        };
        let max_duration = case["max_duration"].as_str().unwrap().parse().unwrap();
        let ratio = case["scale_schedule_ratio"].as_f64().unwrap();
        let run = Run::new(max_duration, facts, ratio).expect("a valid run");
        let class = case["scheduler"].as_str().unwrap();
        let curve = schedule(class, &case["args"]).resolve(&run).expect("it resolves");
        // Composer's 1 - t/T loses digits near the end, which powers below 1 enlarge.
        let root = case["args"]["power"].as_f64().is_some_and(|power| power < 1.0);
        let tolerance = if root { 2e-14 } else { 1e-15 };
        for point in case["batch_alpha"].as_array().unwrap() {
            let timestamp = run.at_batch(point[0].as_i64().unwrap()).unwrap();
            let expected = hexadecimal(point[1].as_str().unwrap());
            let alpha = curve.at_timestamp(&timestamp).expect("a value");
            assert!(
                (alpha - expected).abs() <= tolerance,
                "line {}: {alpha:?} instead of {expected:?} at batch {}",
                line + 1,
                timestamp.readings()[Counter::Batch as usize],
            );
            points += 1;
        }
    }
    assert_eq!(points, 21_634);
}

/// A float as Python's `float.hex` writes it.
fn hexadecimal(text: &str) -> f64 {
    let body = text.strip_prefix("0x").expect("0x");
    let (mantissa, exponent) = body.split_once('p').expect("an exponent");
    let (whole, fraction) = mantissa.split_once('.').expect("a point");
    let digits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).expect("digits");
    let exponent: i32 = exponent.parse().expect("an exponent");
    digits as f64 * 2f64.powi(exponent - 4 * fraction.len() as i32)
}
