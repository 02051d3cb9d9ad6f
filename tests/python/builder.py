"""A short way to write ONNX graphs by hand."""
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Collects nodes, constants, inputs and outputs. Names every tensor. Takes weights from a seeded generator."""

    # The seed of builders that are given none.
    seed = 0

    def __init__(self, name, opset=17, ir=8, seed=None):
        seed = self.seed if seed is None else seed
        self.name, self.opset, self.ir = name, opset, ir
        self.random = numpy.random.default_rng([seed, *name.encode()])
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.count = {}

    def fresh(self, stem):
        """Returns an unused name."""
        self.count[stem] = self.count.get(stem, -1) + 1
        return f"{stem}_{self.count[stem]}" if self.count[stem] else stem

    def input(self, name, shape, kind=TensorProto.FLOAT):
        """Declares a graph input."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, tensor, shape, kind=TensorProto.FLOAT):
        """Declares a graph output."""
        self.outputs.append(helper.make_tensor_value_info(tensor, kind, shape))
        return tensor

    def constant(self, stem, array):
        """Adds an initializer."""
        name = self.fresh(stem)
        self.constants.append(numpy_helper.from_array(numpy.asarray(array, order="C"), name))
        return name

    def node(self, op, inputs, name=None, outputs=None, **attributes):
        """Adds a node, named after its operator. Returns the name of its output, or all names if there are several."""
        name = self.fresh(op.lower()) if name is None else name
        outputs = [f"{name}:0"] if outputs is None else outputs
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
        return outputs[0] if len(outputs) == 1 else outputs

    def normal(self, *shape, fan=None):
        """Returns He-scaled random weights, so that activations keep their size through ReLU layers."""
        fan = int(numpy.prod(shape[1:])) if fan is None else fan
        return self.random.normal(0.0, numpy.sqrt(2.0 / fan), shape).astype(numpy.float32)

    def small(self, *shape):
        """Returns small random numbers, for biases."""
        return self.random.normal(0.0, 0.05, shape).astype(numpy.float32)

    def conv(self, x, inside, outside, kernel=3, stride=1, group=1, name=None):
        """Adds a 2-D convolution with bias and 'same' padding."""
        weight = self.constant("weight", self.normal(outside, inside // group, kernel, kernel))
        bias = self.constant("bias", self.small(outside))
        return self.node("Conv", [x, weight, bias], name=name, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[kernel // 2] * 4, group=group)

    def graph(self, inputs=None):
        """Returns the current graph."""
        return helper.make_graph(self.nodes, self.name, self.inputs if inputs is None else inputs, self.outputs,
                                 self.constants)

    def model(self):
        """Returns the finished model."""
        model = helper.make_model(self.graph(), opset_imports=[helper.make_opsetid("", self.opset)],
                                  producer_name="qdq tests", ir_version=self.ir)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True)
