using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>The optimiser of one run and the tensors that it trains: those of the student, then those of the loss.</summary>
internal sealed class RunOptimizer : IDisposable
{
    // The optimiser's state belongs to the tensors it was made with, so it is made after the student was converted.
    public RunOptimizer(TrainerOptions options, StudentWeights weights, nn.Module? loss)
    {
        Trained = [.. weights.Trained.Select(pair => pair.Weight)];
        if (loss is not null) Trained = [.. Trained, .. loss.parameters().Where(parameter => parameter.requires_grad)];
        Sgd = optim.SGD(Trained, options.LearningRate, options.Momentum, weight_decay: options.WeightDecay);
    }

    public IReadOnlyList<Parameter> Trained { get; }

    public SGD Sgd { get; }

    public void SetRate(double rate)
    {
        foreach (var group in Sgd.ParamGroups) group.LearningRate = rate;
    }

    /// <summary>Sets all gradients to null, not to zero: a parameter that the loss does not use in some epochs would still be changed by
    /// weight decay and momentum when its gradient is zero, but not after a resume, when it has no gradient. The caller may have left
    /// gradients behind, too.</summary>
    public void ClearGradients()
    {
        foreach (var parameter in Trained) parameter.grad = null;
    }

    public void Step() => Sgd.step();

    public void Dispose() => Sgd.Dispose();
}
