using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019): the weights are multiplied by 1 - rate * decay before each step.
/// The options are those of Adam. Use a learning rate near 1e-3.</summary>
public sealed record AdamWOptimizer : AdamOptimizer
{
    /// <summary>The defaults of the paper: those of Adam with a <see cref="AdamOptimizer.WeightDecay"/> of 0.01.</summary>
    public AdamWOptimizer() => WeightDecay = 0.01;

    /// <inheritdoc/>
    public override OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate) =>
        optim.AdamW(parameters, learningRate, Beta1, Beta2, Epsilon, WeightDecay, AmsGrad);
}
