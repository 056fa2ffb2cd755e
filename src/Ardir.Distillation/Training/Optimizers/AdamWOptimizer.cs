using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019). Use a learning rate near 1e-3.</summary>
public sealed record AdamWOptimizer : TrainingOptimizer
{
    /// <summary>Decay of the mean of the gradients, in [0,1).</summary>
    /// <value>0.9 by default.</value>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of their squares, in [0,1).</summary>
    /// <value>0.999 by default.</value>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator, positive.</summary>
    /// <value>1e-8 by default.</value>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Weight decay: the weights are multiplied by 1 - rate * decay before each step, not negative.</summary>
    /// <value>0.01 by default.</value>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Whether the largest mean of squares so far is used (AMSGrad).</summary>
    /// <value>false by default.</value>
    public bool AmsGrad { get; init; }

    /// <inheritdoc/>
    public override OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate) =>
        optim.AdamW(parameters, learningRate, Beta1, Beta2, Epsilon, WeightDecay, AmsGrad);

    internal override void Validate()
    {
        OptimizerGuard.Share(Beta1);
        OptimizerGuard.Share(Beta2);
        OptimizerGuard.Epsilon(Epsilon);
        OptimizerGuard.Decay(WeightDecay);
    }
}
