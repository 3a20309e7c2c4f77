//! Do source, committer and journal work with a real Kafka, and error classes with librdkafka's
//! mock cluster?
//!
//! `cargo test -p testkit --test kafka`; the long ones with `-- --ignored`.
//! `WEIR_TEST_KAFKA=host:port` takes a running broker, `WEIR_TEST_REQUIRE_KAFKA=1` makes it a
//! failure if there is none.

mod committing;
mod errors;
mod journal;
mod long;
mod publishing;
mod querying;
mod reading;
mod recovering;
mod seeking;
mod settling;
mod stage;
mod topics;

use std::process::ExitCode;

use testkit::{broker, runner, tests};

fn main() -> ExitCode {
    // Tests that need a process of weir start this binary, which has its kill points.
    if std::env::var_os(publishing::AS_WEIR).is_some() {
        return pipeline::command::main();
    }
    let mut all = Vec::new();
    all.extend(tests![false, broker::shared().as_ref();
        committing: a_batch_is_visible_whole_or_not_at_all, outputs_and_offsets_are_one, keys_headers_and_bytes_are_kept,
            a_key_has_the_partition_that_javas_clients_give_it,
            a_record_too_large_is_refused_before_it_is_produced, what_was_passed_over_is_committed;
        recovering: the_journal_after_the_mark_comes_back, a_zombie_is_fenced_and_harms_nothing,
            a_process_that_dies_in_a_batch_leaves_nothing, without_a_snapshot_nothing_begins_unasked,
            a_journal_made_anew_is_noticed, without_the_transaction_halves_are_seen, without_the_fence_zombies_commit;
        reading: long_runs_come_from_one_partition, what_is_no_record_is_passed_over, values_are_what_they_say,
            headers_are_kept_but_for_ours, buffers_are_bounded, aborted_records_are_not_seen,
            a_run_that_does_not_come_is_an_error, nothing_now_is_empty;
        seeking: reading_goes_on_at_positions, seeks_may_follow_each_other_at_once, the_start_is_asked_once,
            a_start_must_be_said, numbers_are_kept, a_new_partition_is_read_from_its_beginning, a_topic_made_anew_is_refused, what_retention_took_is_refused,
            what_expired_after_it_was_read_is_no_loss, a_topic_that_is_gone_is_noticed;
        topics: all_problems_come_at_once, missing_topics_are_made_as_stated, limits_are_those_of_the_topics;
        journal: it_is_followed_and_its_silence_known, an_aborted_record_at_the_end_is_nothing_to_wait_for;
        settling: recalled_documents_stay_and_restored_ones_go, deaths_at_any_point_lose_and_double_nothing,
            a_recall_after_its_mark_is_told_once, a_second_settler_fences_the_first, fates_are_forgotten_and_a_stop_is_clean,
            what_it_cannot_rely_on_is_refused, its_topics_are_made_if_asked, what_retention_took_is_told_and_counted,
            topics_made_anew_are_known_and_read_from_their_beginning, what_is_committed_does_not_expire_unnoticed,
            a_topic_too_narrow_is_refused_before_anything_is_read;
        publishing: archives_are_published_once, killed_at_every_step_nothing_is_lost_or_doubled,
            killed_at_random_nothing_is_lost_or_doubled, a_second_publisher_fences_the_first,
            what_cannot_be_published_is_said, a_page_that_fits_only_packed_is_published_whole;
    ]);
    all.extend(tests![false;
        errors: injected_errors_have_their_outcomes, a_right_that_is_withdrawn_is_named, an_abort_has_its_outcomes, a_commit_outlasts_brokers_that_come_back,
            a_group_without_its_coordinator_holds_nobody, a_recovery_that_fails_forgets_nothing;
        querying: injected_errors_of_readers_have_their_outcomes, half_an_answer_skips_no_record;
    ]);
    all.extend(tests![true, broker::shared().as_ref(); long: commits_are_measured;]);
    runner::run("Kafka", "WEIR_TEST_REQUIRE_KAFKA", &all)
}
