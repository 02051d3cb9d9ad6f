//! Turns the panics of a runtime into errors. A hostile model can make rten's indexing and unwraps panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result};

/// The stack that rten needs for each node of a path through the graph, in bytes.
///
/// rten's planner recurses from the outputs to the inputs. The value is generous, because unused stack costs
/// nothing.
const STACK_PER_NODE: usize = 4 << 10;
const LEAST_STACK: usize = 8 << 20;
/// The largest stack, because address space is finite. A path of 256 Ki nodes is far beyond real models.
const MOST_STACK: usize = 1 << 30;

/// Runs `work` and turns a panic into an error. The error names `what` and keeps the panic's message.
pub(super) fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T> {
    // The owner of the runtime gets the error and drops the runtime, with any half-done state of `work`.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(what, panic.as_ref()))
}

/// Does the same as [`guarded`] on a stack that is large enough for work that recurses `depth` nodes deep.
///
/// # Errors
/// Also `Unsupported` if a stack of this size is not available.
pub(super) fn guarded_deep<T: Send>(what: &str, depth: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    let stack = depth.saturating_mul(STACK_PER_NODE).saturating_add(LEAST_STACK);
    let too_deep = || {
        Error::new(ErrorKind::Unsupported, format!("a model of {depth} nodes is too large for {what}"))
            .with_remedy(super::USE_ONNXRUNTIME)
    };
    if stack > MOST_STACK {
        return Err(too_deep());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, work)
            .map_err(|source| too_deep().with_source(source))?;
        thread.join().map_err(|panic| panicked(what, panic.as_ref()))
    })
}

/// Returns the text of a panic.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

fn panicked(what: &str, panic: &(dyn Any + Send)) -> Error {
    Error::new(ErrorKind::Runtime, format!("{what} failed unexpectedly: {}", panic_text(panic)))
        .with_remedy(super::CHECK_OR_OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_keeps_its_message() {
        for error in [
            guarded("running node 'n'", || panic!("index {} out of range", 7)).map(|(): ()| ()).unwrap_err(),
            guarded_deep("running node 'n'", 9, || panic!("index {} out of range", 7))
                .map(|(): ()| ())
                .unwrap_err(),
        ] {
            assert_eq!(error.message(), "running node 'n' failed unexpectedly: index 7 out of range");
        }
    }

    #[test]
    fn deep_recursion_has_the_stack_it_needs() {
        fn depth(left: usize) -> usize {
            if left == 0 { 0 } else { 1 + std::hint::black_box(depth(left - 1)) }
        }
        assert_eq!(guarded_deep("recursing", 200_000, || depth(200_000)).unwrap(), 200_000);
        assert_eq!(guarded_deep("recursing", usize::MAX, || 0).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
