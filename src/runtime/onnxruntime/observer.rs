//! The operator that passes tensors of a running ONNX Runtime session to a tap.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use half::{bf16, f16};
use ort::operator::{
    BoxedKernel, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::PrimitiveTensorElementType;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::TensorId;
use crate::onnx::{AttributeValue, Edits, Model, Network, NodeSpec, Position};
use crate::runtime::Tap;
use crate::runtime::guard::panic_text;
use crate::tensor::{DataView, TensorView};

const DOMAIN: &str = "qdq";
const OPERATOR: &str = "Observe";
/// The attribute that holds the number of the tap.
const TAP: &str = "tap";

/// Returns a copy of `model` with an observer after each tensor of `observed`.
///
/// `observed` holds tensors that nodes compute, with the numbers of their taps. The producer of a tensor gets
/// a new output name, and the observer's output takes the old name.
pub(super) fn insert(model: &Model, network: &Network, observed: &[(TensorId, usize)]) -> Result<Model> {
    let mut model = model.clone();
    if observed.is_empty() {
        return Ok(model);
    }
    let mut names = model.unique_names();
    let mut edits = Edits::new();
    for &(tensor, tap) in observed {
        let (graph, name) = (&network.graph, network.name(tensor));
        let place = graph.tensor(tensor).producer.and_then(|node| {
            let output = graph.node(node).outputs.iter().position(|output| *output == Some(tensor))?;
            Some((network.position(node), output))
        });
        let Some((node, output)) = place else {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("no node computes the tapped tensor '{name}'"),
            ));
        };
        let fresh = names.fresh(&format!("{name}_observed"));
        edits.replace_output(node, output, fresh.as_str());
        let observer =
            NodeSpec { domain: DOMAIN.to_owned(), ..NodeSpec::new(OPERATOR, &fresh, &[&fresh], &[name]) };
        edits.insert(Position::After(node), observer.with(TAP, AttributeValue::Int(tap as i64)));
    }
    model.edit(edits)?;
    model.import(DOMAIN, 1);
    Ok(model)
}

/// The receiver of the observers' tensors, with the first error of the tap.
pub(super) struct Sink {
    tap: Arc<dyn Tap>,
    failure: Mutex<Option<Error>>,
}

impl Sink {
    pub fn new(tap: Arc<dyn Tap>) -> Self {
        Self { tap, failure: Mutex::new(None) }
    }

    /// Returns the tap that receives the tensors.
    pub fn tap(&self) -> &dyn Tap {
        self.tap.as_ref()
    }

    /// Takes the tap's error, if it stopped a run.
    pub fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Passes a tensor to the tap.
    ///
    /// An error or a panic of the tap must not pass through ONNX Runtime. This function keeps it and stops
    /// the run.
    fn show(&self, index: usize, shape: &[i64], data: DataView<'_>) -> ort::Result<()> {
        // A tensor in memory has no negative dimension.
        let shape: Vec<usize> = shape.iter().map(|&dim| dim as usize).collect();
        let observe = || self.tap.observe(index, TensorView::new(&shape, data)?);
        let failure = match catch_unwind(AssertUnwindSafe(observe)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(panic) => {
                let text = panic_text(panic.as_ref());
                Error::new(
                    ErrorKind::Internal,
                    format!("observing an activation failed unexpectedly: {text}"),
                )
            }
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        Err(ort::Error::new("the run was stopped by its observer"))
    }
}

/// Returns the operators that a session with observers needs: one for each element type, all with one name.
/// ONNX Runtime chooses among them.
pub(super) fn domain(sink: &Arc<Sink>) -> ort::Result<OperatorDomain> {
    fn observer<T>(sink: &Arc<Sink>) -> Observer<T> {
        Observer { sink: Arc::clone(sink), element: PhantomData }
    }
    OperatorDomain::new(DOMAIN)?
        .add(observer::<f32>(sink))?
        .add(observer::<f16>(sink))?
        .add(observer::<bf16>(sink))?
        .add(observer::<f64>(sink))?
        .add(observer::<i8>(sink))?
        .add(observer::<u8>(sink))?
        .add(observer::<i16>(sink))?
        .add(observer::<u16>(sink))?
        .add(observer::<i32>(sink))?
        .add(observer::<u32>(sink))?
        .add(observer::<i64>(sink))?
        .add(observer::<u64>(sink))?
        .add(observer::<bool>(sink))
}

/// An element type of observed tensors.
trait Element: PrimitiveTensorElementType + Copy + Debug + 'static {
    /// Returns the view for the tap if the elements are floating-point numbers, else `None`.
    fn shown(values: &[Self]) -> Option<DataView<'_>>;
}

macro_rules! elements {
    (shown: $($float:ty => $variant:ident),*; passed: $($other:ty),*) => {
        $(impl Element for $float {
            fn shown(values: &[Self]) -> Option<DataView<'_>> { Some(DataView::$variant(values)) }
        })*
        $(impl Element for $other {
            fn shown(_: &[Self]) -> Option<DataView<'_>> { None }
        })*
    };
}

elements! {
    shown: f32 => F32, f16 => F16, bf16 => Bf16, f64 => F64;
    passed: i8, u8, i16, u16, i32, u32, i64, u64, bool
}

/// The operator for tensors of `T`.
struct Observer<T> {
    sink: Arc<Sink>,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> Operator for Observer<T> {
    type Kernel<'attr> = BoxedKernel<'attr>;

    /// The output may use the memory of the input.
    const ALIASES: &[(u32, u32)] = &[(0, 0)];

    fn name(&self) -> &str {
        OPERATOR
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(T::into_tensor_element_type())]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(T::into_tensor_element_type())]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let tap = context.get::<i64>(TAP).and_then(|tap| usize::try_from(tap).ok());
        let tap = tap.ok_or_else(|| ort::Error::new("an observer without the number of its tap"))?;
        let sink = Arc::clone(&self.sink);
        Ok(Box::new(move |context: &ComputeContext| observe::<T>(&sink, tap, context)))
    }
}

fn observe<T: Element>(sink: &Sink, tap: usize, context: &ComputeContext) -> ort::Result<()> {
    let missing = || ort::Error::new("an observer without input or output");
    let input = context.input(0)?.ok_or_else(missing)?;
    let (shape, values) = input.try_extract_tensor::<T>()?;
    if let Some(data) = T::shown(values) {
        sink.show(tap, shape, data)?;
    }
    let mut output = context.output(0, shape.clone())?.ok_or_else(missing)?;
    if output.try_extract_tensor::<T>()?.1.as_ptr() != values.as_ptr() {
        output.try_extract_tensor_mut::<T>()?.1.copy_from_slice(values);
    }
    Ok(())
}
