//! User-provided values and shapes of a model's inputs, in addition to the file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::initializer::tensor_proto;
use super::types::{Known, spec_of, value_info};
use super::walk::names_read;
use super::{Model, types};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, Tensor, TensorSpec, show_dims};

/// The user's statements. None of them is in the model's file.
#[derive(Clone, Default)]
pub(super) struct Stated {
    pub fixed: BTreeMap<String, Tensor>,
    pub shapes: BTreeMap<String, Vec<Dim>>,
}

impl Model {
    /// Fixes the value of an input. The input is a constant from now on and is not fed. Its consequences can
    /// be decided once, such as the branch of an If that runs.
    ///
    /// The file is not changed. A written model still has the input, but see [`crate::pipeline::prepare`]. A
    /// single number fits every shape with exactly one element.
    ///
    /// # Errors
    /// `InvalidArgument` if the model has no such input or was made for another value of it
    /// ([`Model::made_for`]); `Type` or `Shape` if the value does not match the model's declaration.
    pub fn fix_input(&mut self, name: &str, value: Tensor) -> Result<()> {
        let declared = self.declared(name)?;
        // A shape that the user states replaces the file's.
        let shape = self.stated.shapes.get(name).cloned().or(declared.shape);
        let value = match shape.as_deref().and_then(shape_of_one) {
            Some(shape) if value.view().data().len() == 1 => Tensor::new(shape, value.into_data())?,
            _ => value,
        };
        let fail = |kind, what: String, remedy: &str| {
            let message = format!("input '{name}': the value {what}");
            Err(self.located(Error::new(kind, message).with_remedy(remedy)))
        };
        if let Some(dtype) = declared.dtype.filter(|dtype| *dtype != value.dtype()) {
            let what = format!("is {}, the model declares {dtype}", value.dtype());
            return fail(ErrorKind::Type, what, "give a value of the declared type");
        }
        if let Some(dims) = shape.filter(|dims| !fits(dims, value.shape())) {
            let what = format!("has shape {:?}, the model declares {}", value.shape(), show_dims(&dims));
            return fail(ErrorKind::Shape, what, "give a value of the declared shape");
        }
        self.check_made_for(name, &value).map_err(|error| self.located(error))?;
        std::sync::Arc::make_mut(&mut self.stated).fixed.insert(name.to_owned(), value);
        Ok(())
    }

    /// Sets the shape of an input for runs. Use it for a size that the file leaves open, or if the file's
    /// size is wrong. The file is not changed.
    ///
    /// # Errors
    /// `InvalidArgument` if the model has no such input; `Shape` if the file declares another number of axes.
    pub fn set_input_shape(&mut self, name: &str, shape: &[Dim]) -> Result<()> {
        let declared = self.declared(name)?;
        if let Some(dims) = declared.shape.filter(|dims| dims.len() != shape.len()) {
            let message = format!(
                "input '{name}': the shape {} has {} axes, the model declares {}",
                show_dims(shape),
                shape.len(),
                show_dims(&dims)
            );
            let error = Error::new(ErrorKind::Shape, message);
            return Err(self.located(error.with_remedy("give a size for every axis of the input")));
        }
        std::sync::Arc::make_mut(&mut self.stated).shapes.insert(name.to_owned(), shape.to_vec());
        Ok(())
    }

    /// Lists the inputs with a fixed value ([`Model::fix_input`]).
    pub fn fixed_inputs(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.stated.fixed.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns an input as the file declares it, whether it is fed or fixed.
    ///
    /// # Errors
    /// `InvalidArgument`, with the existing names, if the model has no such input.
    pub fn declared(&self, name: &str) -> Result<TensorSpec> {
        let specs = self.declared_inputs();
        let names: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
        specs.into_iter().find(|spec| spec.name == name).ok_or_else(|| {
            let mut message = format!("the model has no input '{name}'");
            if let Some((_, made)) = self.made_for().find(|(known, _)| *known == name) {
                message += &format!(" any more: it was made for {made}");
            }
            let remedy = format!("its inputs are: {}", names.join(", "));
            self.located(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy))
        })
    }

    /// Lists the inputs that the caller feeds, with the shapes that the user states.
    pub(super) fn fed(&self, declared: Vec<TensorSpec>) -> Vec<TensorSpec> {
        let fed = declared.into_iter().filter(|spec| !self.stated.fixed.contains_key(&spec.name));
        fed.map(|mut spec| {
            if let Some(shape) = self.stated.shapes.get(&spec.name) {
                spec.shape = Some(shape.clone());
            }
            spec
        })
        .collect()
    }

    /// Returns the model in the form for a runtime: fixed inputs become initializers, and inputs have the
    /// shapes that the user states.
    ///
    /// # Errors
    /// `Internal` if a value cannot be stored.
    pub fn for_run(&self) -> Result<Cow<'_, Self>> {
        let Stated { fixed, shapes } = &*self.stated;
        if fixed.is_empty() && shapes.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let mut model = self.clone();
        model.stated = std::sync::Arc::default();
        let graph = model.edited().graph.get_or_insert_default();
        for info in &mut graph.input {
            let name = info.name.clone().unwrap_or_default();
            if let Some(shape) = shapes.get(&name) {
                let stated = Known { shape: Some(shape.clone()), ..Known::from_info(info) };
                *info = value_info(&name, &stated);
            }
        }
        if !shapes.is_empty() {
            // The file's statements about later shapes follow from input shapes that no longer apply.
            graph.value_info.iter_mut().for_each(types::forget_shape);
            graph.output.iter_mut().for_each(types::forget_shape);
        }
        let is_fixed = |name: &Option<String>| name.as_ref().is_some_and(|name| fixed.contains_key(name));
        let declared: Vec<String> = graph
            .input
            .iter()
            .filter_map(|info| info.name.clone().filter(|_| is_fixed(&info.name)))
            .collect();
        graph.input.retain(|info| !is_fixed(&info.name));
        for name in declared {
            if let Some(value) = fixed.get(&name) {
                graph.initializer.push(tensor_proto(&name, value.shape(), value.data().clone().into())?);
            }
        }
        Ok(Cow::Owned(model))
    }

    /// Removes fixed inputs that nothing reads from the graph, and returns their names.
    pub fn remove_unused_fixed_inputs(&mut self) -> Vec<String> {
        if self.stated.fixed.is_empty() {
            return Vec::new();
        }
        let read = names_read(&self.proto);
        let specs = self.declared_inputs().into_iter().map(|spec| spec.name);
        let unused: Vec<String> =
            specs.filter(|name| self.stated.fixed.contains_key(name) && !read.contains(name)).collect();
        if !unused.is_empty() {
            let graph = self.edited().graph.get_or_insert_default();
            graph.input.retain(|info| info.name.as_ref().is_none_or(|name| !unused.contains(name)));
        }
        unused
    }

    /// Lists the inputs as the file declares them, without the weights that models before IR version 4 also
    /// list.
    pub(super) fn declared_inputs(&self) -> Vec<TensorSpec> {
        let graph = &self.proto.graph;
        let sparse = graph.sparse_initializer.iter().map(|sparse| &*sparse.values);
        let weights: std::collections::HashSet<_> =
            graph.initializer.iter().chain(sparse).filter_map(|tensor| tensor.name.as_deref()).collect();
        let inputs = graph.input.iter();
        inputs
            .filter(|input| !weights.contains(input.name.as_deref().unwrap_or_default()))
            .map(spec_of)
            .collect()
    }
}

/// Returns the shape that `dims` declare, if it has exactly one element.
fn shape_of_one(dims: &[Dim]) -> Option<Vec<usize>> {
    dims.iter().all(|dim| *dim == Dim::Fixed(1)).then(|| vec![1; dims.len()])
}

fn fits(dims: &[Dim], shape: &[usize]) -> bool {
    dims.len() == shape.len()
        && dims.iter().zip(shape).all(|(dim, size)| match dim {
            Dim::Fixed(fixed) => fixed == size,
            _ => true,
        })
}
