//! What a record costs in each stage, on one core: decode, convert, encode.
//!
//! `cargo bench --bench stages`. The records are simulated CIC traffic, the same for every run; convert begins with an
//! empty state each time, encode knows every name.

#![allow(missing_docs, reason = "criterion makes the functions")]

use std::hint::black_box;
use std::sync::Arc;

use cic_conduit::cic::{self, Fallback, Wanted};
use cic_conduit::convert::{self, Machine, Output};
use cic_conduit::event::Draft;
use cic_conduit::names::{self, Directory, Resolver};
use cic_conduit::simulate::{self, Simulation};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const RECORDS: usize = 20_000;

fn values() -> Vec<Vec<u8>> {
    let settings = simulate::Settings {
        agents: 125,
        rate: 10_000,
        ..simulate::Settings::default()
    };
    Simulation::new(&settings)
        .take(RECORDS)
        .map(|said| said.value)
        .collect()
}

fn read(value: &[u8], wanted: &Wanted) -> Option<cic::Record> {
    let fallback = Fallback {
        source: "cic",
        id: "cic/0/1",
        time: None,
    };
    cic::read(value, [], fallback, wanted).ok()
}

fn drafts(records: &[cic::Record]) -> Vec<Draft> {
    let mut machine = Machine::new(Arc::new(convert::Settings::default()));
    let mut output = Output::default();
    for (record, position) in records.iter().zip(0..) {
        machine.record(record, position, &mut output);
    }
    output.drafts.into_iter().map(|(_, draft)| draft).collect()
}

fn stages(criterion: &mut Criterion) {
    let (values, wanted) = (values(), Wanted::default());
    let records: Vec<cic::Record> = values.iter().filter_map(|value| read(value, &wanted)).collect();
    let made = drafts(&records);
    let directory = Directory::everything();

    let mut group = criterion.benchmark_group("stages");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("decode, per record", |bench| {
        bench.iter(|| {
            for value in &values {
                black_box(read(value, &wanted));
            }
        });
    });
    group.bench_function("convert, per record", |bench| {
        bench.iter(|| black_box(drafts(&records)));
    });
    group.throughput(Throughput::Elements(made.len() as u64));
    group.bench_function("encode, per event", |bench| {
        bench.iter_batched(
            || Resolver::new(&names::Settings::default()),
            |mut resolver| {
                for draft in &made {
                    black_box(resolver.resolve(draft, &directory));
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
