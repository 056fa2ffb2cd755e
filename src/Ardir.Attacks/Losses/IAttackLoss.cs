using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The loss that an attack maximises. <see cref="AttackLoss"/> has predefined ones.</summary>
public interface IAttackLoss
{
    /// <summary>Short name for messages.</summary>
    string Name { get; }

    /// <summary>Whether the loss is exactly zero, with a zero gradient, wherever the goal of the attack is reached, as the hinge of
    /// Carlini and Wagner (2017) is. A zero gradient where the loss is zero is then no finding.</summary>
    /// <value>false by default.</value>
    bool IsZeroAtGoal => false;

    /// <summary>Whether several threads may be in <see cref="Forward"/> at once, as the shards of an attack are
    /// (<see cref="AttackContext.Shards"/>). Not where it registers hooks, as a feature tap does, or changes the mode of a module: both
    /// belong to all threads.</summary>
    /// <value>false by default: one thread after the other is. Return true where <see cref="Forward"/> is not overridden.</value>
    bool AllowsThreads => false;

    /// <summary>The loss of every sample. Must be differentiable in the logits.</summary>
    /// <param name="inputs">Logits, labels, targets and what <see cref="Prepare"/> returned.</param>
    /// <returns>[n], to be maximised.</returns>
    Tensor Compute(AttackLossInputs inputs);

    /// <summary>Computes what stays fixed during the attack, once, from the clean images; called without gradient.</summary>
    /// <param name="inputs">The attacked model, a copy of the clean images [N,...], and what other networks are known to answer on
    /// them.</param>
    /// <returns>Tensors whose first dimension is the sample, so that an attack can select the rows of the samples that are left.
    /// None by default.</returns>
    IReadOnlyList<Tensor> Prepare(AttackLossPreparation inputs) => [];

    /// <summary>Runs the model, once: an evaluation counts each call of this as one pass. Override it to see more than logits, through a
    /// feature tap.</summary>
    /// <param name="model">The attacked model.</param>
    /// <param name="points">[n,...]. Must not be changed in place.</param>
    /// <returns>Logits [n,K], and features if <see cref="Compute"/> wants them.</returns>
    TappedOutput Forward(IModule model, Tensor points) => new(ModelCall.Of(model, points));
}
