//! In which order does a window go through the phases before settling? Fold, describe, remember
//! and judge, each over all keyed operators.
//!
//! A window never crosses an epoch boundary, so every document in it sees the same published
//! decisions. A phase that panics on a document ends that document's way: later phases pass it
//! over, and it is withheld.

use rayon::prelude::*;

use super::{
    fault::Phase,
    item::{Item, Window},
    runtime::{OperatorRuntime, guarded},
    settings::Settings,
    spent::Step,
};
use crate::state::{StateError, horizon::Horizon};

/// The keyed operators, in the order of the list that they were made from.
pub type KeyedOperators = Vec<Box<dyn OperatorRuntime>>;

/// Takes a window through the phases; for each record, whether one of them panicked on it.
///
/// # Errors
/// If the horizon cannot be written.
pub(super) fn run(
    settings: &Settings,
    operators: &mut KeyedOperators,
    horizon: &mut Horizon,
    items: &[Item],
) -> Result<Vec<bool>, StateError> {
    let mut failed = vec![false; items.len()];
    in_parallel(operators, settings, items, &mut failed, |operator, window| operator.fold(window));
    inject(settings, Phase::Fold, items, &mut failed);
    inject(settings, Phase::Describe, items, &mut failed);
    in_parallel(operators, settings, items, &mut failed, |operator, window| operator.describe(window));
    let window = Window { settings, items, failed: &failed };
    for (number, operator) in operators.iter_mut().enumerate() {
        settings.spent.by(Step::Remember, number, || operator.remember(&window));
    }
    settings.spent.on(Step::Horizon, || {
        items.iter().try_for_each(|item| {
            // No alarm looks for carriers among documents that were only indexed, so their texts are
            // not kept.
            let kept = item.document().filter(|_| !settings.only_indexes);
            horizon.push(kept.map(|work| work.computed.document.ids()))
        })
    })?;
    if !settings.only_indexes {
        inject(settings, Phase::Judge, items, &mut failed);
        let horizon = &*horizon;
        in_parallel(operators, settings, items, &mut failed, |operator, window| operator.judge(window, horizon));
    }
    Ok(failed)
}

/// Runs a phase of all operators in parallel, and adds the records on which one of them panicked to
/// `failed`.
fn in_parallel(
    operators: &mut KeyedOperators,
    settings: &Settings,
    items: &[Item],
    failed: &mut [bool],
    phase: impl Fn(&mut dyn OperatorRuntime, &Window<'_>) -> Vec<bool> + Sync,
) {
    let window = Window { settings, items, failed };
    let panicked: Vec<Vec<bool>> = operators.par_iter_mut().map(|operator| phase(operator.as_mut(), &window)).collect();
    for of_one in panicked {
        failed.iter_mut().zip(of_one).for_each(|(failed, panicked)| *failed |= panicked);
    }
}

/// Panics where a test says so.
fn inject(settings: &Settings, phase: Phase, items: &[Item], failed: &mut [bool]) {
    for (item, failed) in items.iter().zip(failed) {
        if let Some(work) = item.document() {
            *failed |= guarded(|| settings.faults.trip(phase, work.text())).is_none();
        }
    }
}
