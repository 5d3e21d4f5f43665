//! The targets without libFuzzer: on every input that is kept, and on random ones.

use std::collections::BTreeMap;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 4] = [
    ("parse", epochal_fuzz::parse),
    ("arithmetic", epochal_fuzz::arithmetic),
    ("trees", epochal_fuzz::trees),
    ("bulk", epochal_fuzz::bulk),
];

/// Inputs as they are kept: one a line, in hexadecimal digits.
fn kept(folder: &str, target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{target}.hex"));
    let Ok(text) = std::fs::read_to_string(&path) else { return Vec::new() };
    let byte = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).expect("ASCII");
        u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{}: {digits}", path.display()))
    };
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    lines.map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

#[test]
fn every_kept_input_is_right() {
    let mut counts = BTreeMap::new();
    for (name, target) in TARGETS {
        for folder in ["corpus", "found"] {
            let inputs = kept(folder, name);
            inputs.iter().for_each(|input| target(input));
            *counts.entry(name).or_insert(0) += inputs.len();
        }
    }
    assert!(counts.values().all(|count| *count > 20), "{counts:?}");
    // The campaign of `make trust-short` reads it.
    println!("\n{} kept inputs", counts.values().sum::<usize>());
}

/// Random numbers, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn input(&mut self) -> Vec<u8> {
        let len = self.next() % 200;
        (0..len).map(|_| (self.next() >> 24) as u8).collect()
    }
}

#[test]
fn random_inputs_are_right() {
    const EACH: usize = 300;
    let mut random = Random(1);
    for (name, target) in TARGETS {
        for _ in 0..EACH {
            let input = random.input();
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                let digits: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
                panic!("{name} {digits}");
            }
        }
    }
    println!("\n{} random inputs", EACH * TARGETS.len());
}
