using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Stochastic gradient descent with momentum: v = momentum * v + (g + decay * w), w = w - rate * v.</summary>
public sealed record SgdOptimizer : TrainingOptimizer
{
    /// <summary>Momentum in [0,1).</summary>
    /// <value>0.9 by default.</value>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight decay on all parameters, not negative.</summary>
    /// <value>5e-4 by default.</value>
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Whether the gradient is taken where the momentum leads (Nesterov); needs a positive <see cref="Momentum"/>.</summary>
    /// <value>false by default.</value>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    public override OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate) =>
        optim.SGD(parameters, learningRate, Momentum, weight_decay: WeightDecay, nesterov: Nesterov);

    internal override void Validate()
    {
        OptimizerGuard.Share(Momentum);
        OptimizerGuard.Decay(WeightDecay);
        if (Nesterov && Momentum == 0)
            throw new ArgumentOutOfRangeException(nameof(Momentum), Momentum, "Nesterov needs a Momentum above 0.");
    }
}
