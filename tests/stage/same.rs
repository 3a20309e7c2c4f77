//! The same corpus is decided alike as a batch (`weir replay`) and as a stream (`weir run`).

use testkit::broker::Client;

use crate::{account::print_figures, crashes::reference};

pub(crate) fn a_batch_is_decided_as_a_stream(client: &Client) {
    let reference = reference(client);
    reference.output.same_as_replayed(&reference.group, &reference.input).expect("the decisions of `weir replay`");
    let figures = reference.output.verify(&reference.input).expect("whole");
    print_figures(&format!("replay = run: {figures}"));
}
