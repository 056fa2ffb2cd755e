using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>What the plain attacks share: a gradient, the Linf ball, and the memory of one iteration.</summary>
internal static class PlainPasses
{
    /// <summary>The gradient of a sum of losses, the losses, and which images are misclassified.</summary>
    public static (Tensor Gradient, Tensor Loss, Tensor Wrong) Gradient(IModule model, Tensor x, Tensor labels, Func<Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        var input = x.detach().requires_grad_();
        var logits = model.call(input);
        var values = loss(logits);
        values.sum().backward(inputs: [input]);
        return (input.grad!.detach().MoveToOuterDisposeScope(), values.detach().MoveToOuterDisposeScope(), (logits.argmax(1) != labels).MoveToOuterDisposeScope());
    }

    public static Tensor Project(Tensor x, Tensor clean, double epsilon) => maximum(minimum(x, clean + epsilon), clean - epsilon).clamp(0, 1);

    public static Tensor Wide(Tensor perImage) => perImage.view(-1, 1, 1, 1);

    public static Tensor At(Tensor values, Tensor columns) => values.gather(1, columns.unsqueeze(1)).squeeze(1);

    /// <summary>z_y - max z_i, i other than y.</summary>
    public static Tensor Margin(Tensor logits, Tensor labels)
    {
        var ofLabel = logits.gather(1, labels.unsqueeze(1));
        return ofLabel.squeeze(1) - logits.scatter(1, labels.unsqueeze(1), full_like(ofLabel, double.NegativeInfinity)).amax([1]);
    }

    public static Func<Tensor, Tensor> CrossEntropy(Tensor labels) => z => nn.functional.cross_entropy(z, labels, reduction: nn.Reduction.None);

    /// <summary>The targeted difference of logits ratio.</summary>
    public static Func<Tensor, Tensor> TargetedDlr(Tensor labels, Tensor targets) => z =>
    {
        var sorted = z.topk(4).values;
        return -(At(z, labels) - At(z, targets)) / (sorted.select(1, 0) - 0.5 * (sorted.select(1, 2) + sorted.select(1, 3)) + 1e-12);
    };

    /// <summary>Takes a value of an iteration over into the next one, and frees the one before.</summary>
    public static void Keep(ref Tensor state, Tensor value)
    {
        var before = state;
        state = value.MoveToOuterDisposeScope();
        before.Dispose();
    }
}
