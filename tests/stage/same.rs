//! The same corpus as a batch and as a stream.

use testkit::broker::Client;

use crate::{account::say, crashes::reference};

pub(crate) fn a_batch_is_decided_as_a_stream(client: &Client) {
    let reference = reference(client);
    reference.output.same_as_replayed(&reference.group, &reference.input).expect("the decisions of `weir replay`");
    let figures = reference.output.verify(&reference.input).expect("whole");
    say(&format!("replay = run: {figures}"));
}
