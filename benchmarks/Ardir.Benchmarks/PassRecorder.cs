using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>A model that notes which passes are asked of it, and can make the same passes again with nothing around them.</summary>
internal sealed class PassRecorder(nn.Module<Tensor, Tensor> model, Tensor images, Tensor labels) : IModule
{
    private readonly Dictionary<(long Batch, bool Backward), int> _passes = [];

    public Tensor call(Tensor input1)
    {
        var key = (input1.shape[0], input1.requires_grad);
        _passes[key] = _passes.GetValueOrDefault(key) + 1;
        return model.call(input1);
    }

    /// <summary>The floor: every forward pass, and the gradient of a cross-entropy to the input where one was asked for.</summary>
    public void Replay()
    {
        foreach (var ((batch, backward), count) in _passes.ToArray())
        {
            using var batchScope = NewDisposeScope();
            var part = images.repeat((batch + images.shape[0] - 1) / images.shape[0], 1, 1, 1).narrow(0, 0, batch).contiguous();
            var classes = labels.repeat((batch + labels.shape[0] - 1) / labels.shape[0]).narrow(0, 0, batch).contiguous();
            for (var i = 0; i < count; i++)
            {
                using var scope = NewDisposeScope();
                if (!backward)
                {
                    using var noGrad = no_grad();
                    model.call(part);
                }
                else
                {
                    var x = part.detach().requires_grad_();
                    nn.functional.cross_entropy(model.call(x), classes, reduction: nn.Reduction.Sum).backward(inputs: [x]);
                }
            }
        }
    }
}
