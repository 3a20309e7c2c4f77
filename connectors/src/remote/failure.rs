//! What is said of a request that failed? The error that a user reads: which address, what the
//! server answered, and whether another try may help.

use super::Address;
use crate::error::Error;

/// Turns a failed request into an error of ours, in plain words where it is clear what to do about
/// it.
pub(super) fn failed(action: &str, address: &Address, error: &object_store::Error) -> Error {
    use object_store::Error as Failed;
    let environment =
        if address.as_str().starts_with("s3://") { " (credentials and region come from AWS_ variables)" } else { "" };
    let denied = format!("{action} {address}: not allowed{environment}");
    Error::Refused(match error {
        Failed::NotFound { .. } => format!("{action} {address}: not found"),
        Failed::PermissionDenied { .. } | Failed::Unauthenticated { .. } => denied,
        // Errors of a listing come without their kind.
        Failed::Generic { source, .. } if [" 401 ", " 403 "].iter().any(|status| source.to_string().contains(status)) => denied,
        other => format!("{action} {address}: {other}{}", root_cause(other)),
    })
}

/// Names the deepest cause of an error whose own message leaves it out, such as a certificate that
/// nobody trusts.
fn root_cause(error: &dyn std::error::Error) -> String {
    let message = error.to_string();
    let deepest = std::iter::successors(error.source(), |error| error.source()).last();
    let cause = deepest.map(ToString::to_string).filter(|cause| !message.contains(cause));
    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
}
