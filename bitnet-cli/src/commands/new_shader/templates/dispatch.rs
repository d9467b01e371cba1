//! The dispatch helper for `example_kernel`.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::params::ElementwiseParams;

dispatch_helpers! {
    /// `example_kernel`: x² of `count` elements.
    fn dispatch_example_kernel for ExampleKernel (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };
}
