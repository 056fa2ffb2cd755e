namespace Ardir.Tests;

/// <summary>A pass forward and backward to the input, which leaves no gradient in the model.</summary>
internal static class ModelPass
{
    /// <summary>With the sum of the squared outputs as loss.</summary>
    public static (Tensor Output, Tensor Gradient) Of(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        // A copy, because a model may change what it is given.
        var leaf = images.detach().clone().requires_grad_();
        var output = model.call(leaf);
        output.square().sum().backward(inputs: [leaf]);
        return (output.detach(), leaf.grad!);
    }

    /// <summary>With a given gradient of the output.</summary>
    public static (Tensor Output, Tensor Gradient) Of(nn.Module<Tensor, Tensor> model, Tensor images, Tensor gradient)
    {
        // The memory of the images themselves, because their order may be what is tested.
        var leaf = images.detach().requires_grad_();
        var output = model.call(leaf);
        output.backward([gradient], inputs: [leaf]);
        return (output.detach(), leaf.grad!);
    }

    public static double Largest(Tensor values) => TensorAssert.Values(values).Max(Math.Abs);
}
