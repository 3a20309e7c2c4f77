//! Tests of `weir run` against a real Kafka: its processes are killed, suspended, replaced, cut off
//! and fed with broken records. A reader of committed records finds nothing lost, nothing doubled
//! and nothing a copy of itself; the decisions are those of an undisturbed run in the same reading
//! order.
//!
//! `cargo test -p pipeline --test stage` runs the short forms, some minutes on two cores. The long
//! forms take two hours: `cargo test -p pipeline --test stage -- --ignored --test-threads 1`.
//! `WEIR_TEST_KAFKA=host:port` names a running broker, which is used where a test need not stop it.
//! `WEIR_TEST_REQUIRE_KAFKA=1` makes it a failure if there is no broker. `WEIR_TEST_BINARY` names
//! another build of weir to be tested, one with the feature `faults`.

mod account;
mod alerts;
mod brokers;
mod changes;
mod crashes;
mod group;
mod idle;
mod indexed;
mod journals;
mod lives;
mod losses;
mod mutations;
mod poison;
mod process;
mod readme;
mod recalls;
mod redecide;
mod refusals;
mod rules;
mod same;
mod scrapes;
mod secure;
mod service;
mod settling;
mod signals;
mod soak;
mod standby;
mod stopping;

use std::process::ExitCode;

use testkit::{
    broker::{self, Cluster, rights::Rights, secure::Secure},
    runner::{self, Test, given},
    tests,
};

fn main() -> ExitCode {
    // The longest come first, so that the others run beside them and not after them.
    let mut all = Vec::new();
    all.extend(tests![false, Cluster::three(); brokers: one_of_three_is_frozen_and_one_is_killed;]);
    all.extend(tests![false, broker::shared().as_ref();
        redecide: the_same_bytes_into_fresh_topics;
        crashes: killed_at_every_step, killed_at_random_times;
    ]);
    all.extend(tests![false, Secure::start().as_ref(); secure: documents_pass_and_mistakes_are_named;]);
    all.push(Test { name: "lives::a_few_lives", long: false, run: || given(lives::a_few_lives(), |()| {}) });
    all.extend(tests![false, Cluster::one(); stopping: brokers_that_go_are_no_end_and_hold_nobody;]);
    all.extend(tests![false, Cluster::one().as_ref(); scrapes: a_scripted_life_is_told_by_its_metrics;]);
    all.extend(tests![false, Rights::start().as_ref(); refusals: a_right_that_is_withdrawn_ends_the_process;]);
    all.extend(tests![false, Cluster::other().as_ref(); losses: another_cluster_is_named;]);
    all.extend(tests![false, Cluster::one().as_ref(); idle: a_broker_that_stood_still_is_read_from_at_once;]);
    all.extend(tests![false, broker::shared().as_ref();
        settling: settled_documents_are_forwarded_once;
        mutations: a_broken_transaction_is_noticed, a_lost_watermark_is_noticed, a_missing_fence_is_noticed;
        standby: a_standby_takes_over_from_a_dead_process, a_clean_end_hands_over_at_once, a_zombie_is_fenced,
            a_storm_of_takeovers;
        stopping: a_signal_drains, a_second_signal_ends_it_at_once;
        changes: a_new_partition_is_taken_up, what_is_no_longer_there_is_refused, a_topic_that_goes_ends_the_process,
            a_lost_state_is_learned_again_from_the_journal, a_loss_that_is_accepted_loses_no_record;
        losses: what_a_cleaner_removed_after_it_was_decided_is_told, gaps_from_the_beginning_are_read_as_they_are,
            a_beginning_is_asked_once_in_a_groups_life, what_retention_took_is_counted_and_the_state_kept,
            a_quiet_stage_outlives_its_retention,
            a_topic_made_anew_is_known_by_its_records, records_of_a_slow_clock_expire_and_are_told,
            a_topic_made_anew_is_known_from_the_journal_alone, what_belongs_to_others_is_named;
        rules: a_changed_configuration_is_no_end, a_reread_decides_as_it_was_decided, rules_that_are_not_to_be_had_are_told,
            without_a_background_the_seed_is_the_groups;
        journals: a_standby_behind_a_journal_begun_anew_fences_nobody, a_state_outlives_its_journal;
        idle: many_idle_partitions_are_sought_at_once;
        service: a_hangup_is_said_and_ignored, frames_of_a_schema_registry_hold_documents,
            a_page_that_fits_compressed_is_not_cut, a_disk_that_fills_is_told;
        signals: metrics_tell_what_is_in_the_topics;
        refusals: a_record_without_a_key_for_a_compacted_topic_is_a_dead_letter, a_limit_that_is_lowered_is_read_again,
            a_time_that_is_refused_makes_dead_letters;
        redecide: what_does_not_fit_is_refused, partitions_are_numbered_as_they_came, a_later_beginning_is_kept;
        indexed: copies_of_an_indexed_corpus_are_duplicates;
        poison: bad_records_stop_nothing;
        readme: the_kafka_recipe_works;
        recalls: recalls_come_from_their_topic, only_what_is_committed_counts_and_what_is_wrong_is_refused;
        same: a_batch_is_decided_as_a_stream;
    ]);
    all.extend(tests![false, alerts::promtool(); alerts: each_alert_fires_in_its_situation;]);
    all.extend(tests![true, broker::shared().as_ref();
        crashes: killed_at_every_step_twenty_times, killed_at_random_times_for_long;
        standby: a_zombie_is_fenced_wherever_it_stood, a_storm_of_takeovers_for_long;
        settling: settled_documents_are_forwarded_once_for_long;
        idle: five_hundred_idle_partitions_are_measured, a_standby_that_waits_does_not_grow;
    ]);
    all.extend(tests![true, Cluster::three(); brokers: three_are_killed_in_turn_twice_round;]);
    all.extend(tests![true, Cluster::three().as_ref(); brokers: outputs_are_blocked_for_a_minute;]);
    all.push(Test { name: "lives::many_lives", long: true, run: || given(lives::many_lives(), |()| {}) });
    all.extend(tests![true, Cluster::one(); soak: twenty_minutes_at_full_rate;]);
    runner::run("stage", "WEIR_TEST_REQUIRE_KAFKA", &all)
}
