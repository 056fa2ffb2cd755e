using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// The optimiser of a run: <see cref="SgdOptimizer"/>, <see cref="AdamOptimizer"/>, <see cref="AdamWOptimizer"/>, or one of your own, by
/// <see cref="Custom"/> or as a record that derives from this one. It is part of what a resumed run recognises
/// (<see cref="StatedIdentity"/>): a record states its properties by itself.
/// </summary>
public abstract record TrainingOptimizer
{
    /// <summary>Makes the optimiser when a run begins. The trainer sets its learning rate before every step, clears the gradients, saves
    /// and restores its state, and disposes it.</summary>
    /// <param name="parameters">What is trained: the parameters of the student that require a gradient (float32 copies of them with
    /// <see cref="TrainingPrecision.BFloat16"/>), then those of the loss.</param>
    /// <param name="learningRate"><see cref="TrainerOptions.LearningRate"/>. Groups of parameters that are made with other rates keep
    /// their ratio to it throughout the schedule.</param>
    /// <returns>A new optimiser that steps without a closure.</returns>
    public abstract OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate);

    /// <summary>An optimiser of your own, for example another one of TorchSharp, or groups of parameters.</summary>
    /// <param name="identity">What it is, with all values that matter: a run is resumed only where this text is the same.</param>
    /// <param name="create">As <see cref="Create"/>.</param>
    /// <returns>The option.</returns>
    /// <exception cref="ArgumentException">The identity is empty.</exception>
    /// <example><code>
    /// var optimizer = TrainingOptimizer.Custom(
    ///     "RMSProp, alpha 0.9", (parameters, rate) => torch.optim.RMSProp(parameters, rate, alpha: 0.9));
    /// </code></example>
    public static TrainingOptimizer Custom(string identity, Func<IReadOnlyList<Parameter>, double, OptimizerHelper> create)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(identity);
        ArgumentNullException.ThrowIfNull(create);
        return new OwnOptimizer(identity, create);
    }

    internal virtual void Validate()
    {
    }

    private sealed record OwnOptimizer(string Identity, Func<IReadOnlyList<Parameter>, double, OptimizerHelper> Factory)
        : TrainingOptimizer, IStatesIdentity
    {
        // A function cannot be compared; the caller has said what it makes.
        IReadOnlyList<object?> IStatesIdentity.IdentityParts => [Identity];

        public override OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate) =>
            Factory(parameters, learningRate);

        public override string ToString() => Identity;
    }
}
