using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Adam (Kingma and Ba 2015). Use a learning rate near 1e-3.</summary>
public record AdamOptimizer : TrainingOptimizer
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

    /// <summary>Weight decay, not negative: a term of the gradient (L2); decoupled from it in <see cref="AdamWOptimizer"/>.</summary>
    /// <value>0 by default; 0.01 in <see cref="AdamWOptimizer"/>.</value>
    public double WeightDecay { get; init; }

    /// <summary>Whether the largest mean of squares so far is used (AMSGrad).</summary>
    /// <value>false by default.</value>
    public bool AmsGrad { get; init; }

    /// <inheritdoc/>
    public override OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate) =>
        optim.Adam(parameters, learningRate, Beta1, Beta2, Epsilon, WeightDecay, AmsGrad);

    internal override void Validate()
    {
        OptimizerGuard.Share(Beta1);
        OptimizerGuard.Share(Beta2);
        OptimizerGuard.Epsilon(Epsilon);
        OptimizerGuard.Decay(WeightDecay);
    }
}
