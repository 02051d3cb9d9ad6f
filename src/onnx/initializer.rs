//! Adding, replacing and removing initializers.

use std::collections::HashSet;

use bytes::Bytes;

use super::element::ElementType;

use super::proto::TensorProto;
use super::types::{Known, value_info};
use super::value::{check_size, shape_of};
use super::walk::{names_read, tensors};

use super::{Model, Stored};
use crate::error::{Error, ErrorKind, Result};
use crate::quant::pack::{pack_int4, pack_uint4};
use crate::tensor::{Data, Tensor};

/// The elements of a new initializer.
#[derive(Clone, Debug)]
pub struct InitializerData(Form);

#[derive(Clone, Debug)]
enum Form {
    /// Bytes of the file: little-endian, sub-byte types packed.
    File(ElementType, Bytes),
    Memory(Data),
}

impl InitializerData {
    /// Creates elements of any type except strings from bytes in file format: little-endian, sub-byte types
    /// packed. `bytes` is not copied.
    pub fn new(element: ElementType, bytes: impl Into<Bytes>) -> Self {
        Self(Form::File(element, bytes.into()))
    }

    /// Returns the type and the bytes in file format.
    fn stored(self) -> Result<(ElementType, Bytes)> {
        Ok(match self.0 {
            Form::File(element, bytes) => (element, bytes),
            Form::Memory(Data::I4(values)) => (ElementType::I4, pack_int4(&values)?.into()),
            Form::Memory(Data::U4(values)) => (ElementType::U4, pack_uint4(&values)?.into()),
            Form::Memory(data) => (data.view().dtype().into(), Bytes::from_owner(Owned(data))),
        })
    }
}

impl<T: Into<Data>> From<T> for InitializerData {
    fn from(values: T) -> Self {
        Self(Form::Memory(values.into()))
    }
}

/// Owned elements that serve as bytes without a copy.
struct Owned(Data);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.view().as_bytes()
    }
}

pub(super) fn tensor_proto(name: &str, shape: &[usize], data: InitializerData) -> Result<TensorProto> {
    let (element, bytes) = data.stored().map_err(|error| error.within(format!("tensor '{name}'")))?;
    let expected = element.byte_len(shape);
    let dims: std::result::Result<Vec<i64>, _> = shape.iter().map(|&dim| i64::try_from(dim)).collect();
    match dims {
        Ok(dims) if expected == Some(bytes.len()) => Ok(TensorProto {
            dims,
            data_type: Some(element.code()),
            name: Some(name.to_owned()),
            raw_data: Some(bytes),
            ..Default::default()
        }),
        _ => Err(Error::new(
            ErrorKind::Shape,
            format!(
                "tensor '{name}': {} bytes do not fit {element} elements of shape {shape:?}",
                bytes.len()
            ),
        )),
    }
}

impl Model {
    /// Adds an initializer to the main graph under a new name.
    ///
    /// # Errors
    /// `Shape` if the number of bytes does not match shape and type; `InvalidArgument` if another initializer
    /// or an input has this name.
    pub fn add_initializer(
        &mut self,
        name: &str,
        shape: &[usize],
        data: impl Into<InitializerData>,
    ) -> Result<()> {
        let tensor = tensor_proto(name, shape, data.into())?;
        let taken = self.constants().contains_key(name)
            || self.proto.graph.input.iter().any(|input| input.name.as_deref() == Some(name));
        if taken || name.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{}: the name '{name}' is not free for a new tensor", self.origin),
            )
            .with_remedy("take a name from Model::unique_names"));
        }
        let element = tensor.data_type.and_then(ElementType::from_code);
        let must_be_listed = self.ir_version() < 4;
        let constants = self.constants.take();
        let graph = self.edited().graph.get_or_insert_default();
        if must_be_listed {
            let known = element.map(|element| Known::fixed(element, shape)).unwrap_or_default();
            graph.input.push(value_info(name, &known));
        }
        graph.initializer.push(tensor);
        // Keeps the index. Adding many initializers would otherwise rebuild it each time.
        if let Some(mut places) = constants {
            let place = Stored::Initializer(self.proto.graph.initializer.len() - 1);
            std::sync::Arc::make_mut(&mut places).insert(name.to_owned(), place);
            self.constants = places.into();
        }
        Ok(())
    }

    /// Checks the size of every stored tensor, at any depth: it must have as many elements as its shape says,
    /// and its file must exist and be long enough. Runtimes report such errors late or not at all.
    ///
    /// # Errors
    /// `Format`, with the tensor's name; `Io` if its file cannot be read.
    pub fn check_stored(&self) -> Result<()> {
        let mut stored = tensors(&self.proto).into_iter();
        stored
            .try_for_each(|(tensor, _)| check_size(tensor, &self.files))
            .map_err(|error| self.located(error))
    }

    /// Returns the bytes of all stored tensors, at any depth, in the model file and beside it.
    pub fn stored_bytes(&self) -> u64 {
        let bytes = |tensor: &TensorProto| {
            let element = tensor.data_type.and_then(ElementType::from_code)?;
            element.byte_len(&shape_of(tensor).ok()?)
        };
        let sizes = tensors(&self.proto).into_iter().filter_map(|(tensor, _)| bytes(tensor));
        sizes.fold(0, |all, size| all.saturating_add(size as u64))
    }

    /// Whether `name` is a dense initializer of the main graph, not a `Constant` node.
    pub fn is_initializer(&self, name: &str) -> bool {
        matches!(self.constants().get(name), Some(Stored::Initializer(_)))
    }

    /// Replaces the values of an initializer of the main graph. Type and shape must stay the same.
    ///
    /// # Errors
    /// `InvalidArgument` if the model has no dense initializer `name`; `Type` or `Shape` if the new value has
    /// another type or shape. The model is unchanged then.
    pub fn set_initializer(&mut self, name: &str, value: Tensor) -> Result<()> {
        self.replace_initializer(name, value, false)
    }

    /// Replaces the values of an initializer or of a `Constant` node. The shape may be another one.
    ///
    /// # Errors
    /// Those of [`set_initializer`](Self::set_initializer), but for the shape.
    pub(crate) fn set_constant(&mut self, name: &str, value: Tensor) -> Result<()> {
        if self.is_initializer(name) || !self.is_stored(name) {
            return self.replace_initializer(name, value, true);
        }
        self.replace_constant(name, value)?;
        let graph = self.edited().graph.get_or_insert_default();
        graph.value_info.retain(|info| info.name.as_deref() != Some(name));
        Ok(())
    }

    fn replace_initializer(&mut self, name: &str, value: Tensor, may_reshape: bool) -> Result<()> {
        let Some(&Stored::Initializer(index)) = self.constants().get(name) else {
            return Err(self.located(
                Error::new(ErrorKind::InvalidArgument, format!("no stored tensor is called '{name}'"))
                    .with_remedy("give the name of an initializer; exporters rename those that they fold"),
            ));
        };
        let old = &self.proto.graph.initializer[index];
        let differs = |kind, what: String| {
            let error = Error::new(kind, format!("tensor '{name}' {what}"));
            Err(self.located(error.with_remedy("export the model of these very parameters again")))
        };
        let element = ElementType::from(value.dtype());
        if old.data_type != Some(element.code()) {
            let stored = old.data_type.and_then(ElementType::from_code);
            let stored = stored.map_or_else(|| "another type".to_owned(), |stored| stored.to_string());
            return differs(ErrorKind::Type, format!("is stored as {stored}, the new value as {element}"));
        }
        let shape: Vec<i64> = value.shape().iter().map(|&dim| dim as i64).collect();
        let is_reshaped = old.dims != shape;
        if is_reshaped && !may_reshape {
            return differs(
                ErrorKind::Shape,
                format!("has the shape {:?}, the new value {shape:?}", old.dims),
            );
        }
        let doc_string = old.doc_string.clone();
        let tensor = tensor_proto(name, value.shape(), value.data().clone().into())?;
        let graph = self.edited().graph.get_or_insert_default();
        graph.initializer[index] = TensorProto { doc_string, ..tensor };
        if is_reshaped {
            graph.value_info.retain(|info| info.name.as_deref() != Some(name));
            graph.input.retain(|info| info.name.as_deref() != Some(name));
        }
        Ok(())
    }

    /// Removes the initializer or `Constant` node `name` if nothing uses it any more. Returns whether it was
    /// removed. For many names, [`Model::remove_unused_constants`] needs only one pass.
    pub fn remove_initializer_if_unused(&mut self, name: &str) -> bool {
        self.remove_unused_constants([name]) > 0
    }

    /// Removes those of `names` that are unused initializers or `Constant` nodes of the main graph. Unused
    /// means that no node, subgraph, output or annotation reads them. Returns the number of removed
    /// constants.
    ///
    /// If a `Constant` node is removed, the positions of the nodes after it change.
    pub fn remove_unused_constants<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> usize {
        let used = names_read(&self.proto);
        let unused: HashSet<String> = names
            .into_iter()
            .filter(|name| self.constants().contains_key(*name) && !used.contains(*name))
            .map(str::to_owned)
            .collect();
        if unused.is_empty() {
            return 0;
        }
        let is_unused = |name: Option<&str>| name.is_some_and(|name| unused.contains(name));
        let graph = self.edited().graph.get_or_insert_default();
        graph.initializer.retain(|tensor| !is_unused(tensor.name.as_deref()));
        graph.sparse_initializer.retain(|sparse| !is_unused(sparse.values.name.as_deref()));
        graph.node.retain(|node| {
            !super::value::is_constant(node) || !is_unused(node.output.first().map(String::as_str))
        });
        graph.input.retain(|input| !is_unused(input.name.as_deref()));
        graph.value_info.retain(|info| !is_unused(info.name.as_deref()));
        unused.len()
    }
}
