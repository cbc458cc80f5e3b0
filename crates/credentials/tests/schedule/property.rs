//! For any sequence of answers and jumps of clocks.

use hotspan_credentials::schedule::Policy;
use proptest::prelude::*;

use super::simulation::{Answer, Simulation};

fn answer() -> impl Strategy<Value = Answer> {
    let life = prop_oneof![-100_i64..100, 100_i64..4_000, 4_000_i64..30_000];
    prop_oneof![
        4 => life.clone().prop_map(Answer::Issue),
        2 => Just(Answer::Repeat),
        1 => Just(Answer::OldCopy),
        1 => life.prop_map(Answer::ChangeRole),
        2 => Just(Answer::Missing),
        1 => any::<bool>().prop_map(Answer::MissingRole),
        2 => Just(Answer::Failed),
    ]
}

#[derive(Debug, Clone)]
enum Event {
    /// Time passes, in milliseconds: a moment, minutes, or a night asleep.
    Pass(i64),
    /// Somebody sets the wall clock.
    SetWall(i64),
    /// Somebody wants a fetch now.
    Force,
    /// The schedule is polled, and a fetch gets this answer after so many milliseconds.
    Step(Answer, i64),
}

fn event() -> impl Strategy<Value = Event> {
    let wait = prop_oneof![1_i64..2_000, 2_000_i64..70_000, 70_000_i64..40_000_000];
    let latency = prop_oneof![0_i64..20, 0_i64..20_000];
    prop_oneof![
        4 => wait.prop_map(Event::Pass),
        1 => (-100_000_000_i64..100_000_000).prop_map(Event::SetWall),
        1 => Just(Event::Force),
        6 => (answer(), latency).prop_map(|(answer, latency)| Event::Step(answer, latency)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The simulation asserts at every moment: nothing that is over, empty or
    /// altered is handed out; the last good is, until its end or its confirmed
    /// removal; attempts are never closer than the floor, and never two at once.
    #[test]
    fn no_sequence_hands_out_what_it_should_not(
        events in prop::collection::vec(event(), 1..80),
        policy in prop_oneof![Just(Policy::Local), Just(Policy::Remote)],
        seed: u64,
        is_dated: bool,
    ) {
        let mut simulation = Simulation::new(policy, seed, is_dated);
        for event in events {
            match event {
                Event::Pass(millis) => simulation.pass(millis),
                // An upstream that does not tell the time leaves the wall
                // clock as the only one: it has to be right then.
                Event::SetWall(error) if is_dated => simulation.wall_error_millis = error,
                Event::SetWall(_) => {}
                Event::Force => simulation.schedule.force(),
                Event::Step(answer, latency) => {
                    let _ = simulation.step(answer, latency);
                }
            }
        }
    }
}
