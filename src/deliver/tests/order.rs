//! Order per key, batches, fences.

use super::fake::{Bench, in_turn, ok};
use super::{event, id};
use crate::deliver::Settings;

#[tokio::test(start_paused = true)]
async fn keys_share_requests_and_each_has_one_event_in_flight() {
    let mut bench = Bench::new(Settings::default(), in_turn([ok()]));
    bench.submit((1..=3).flat_map(|n| (1..=150).map(move |key| event(key, n))));
    bench.ends.wait(450).await;
    assert_eq!(bench.fake.sizes().iter().sum::<usize>(), 450);
    for key in 1..=150 {
        let mut of_key: Vec<_> = bench.fake.order();
        of_key.retain(|event| (1..=3).any(|n| *event == id(key * 1_000_000 + n)));
        assert_eq!(of_key, [1, 2, 3].map(|n| id(key * 1_000_000 + n)));
    }
}
