namespace Ardir.Distillation;

/// <summary>A training objective. It declares which passes it needs and computes its terms from them; it never runs a network. A run with
/// checkpoints recognises it by what it states (<see cref="Core.StatedIdentity"/>): a loss with values is a record, overrides
/// <c>ToString</c> or implements <see cref="Core.IStatesIdentity"/>.</summary>
public interface IDistillationLoss
{
    /// <summary>Short name for logs and reports.</summary>
    string Name { get; }

    /// <summary>The passes and layers it needs.</summary>
    DistillationNeeds Needs { get; }

    /// <summary>Parameters of the loss itself, such as <c>FeatureAdapters</c>. They are trained, moved and checkpointed with the student
    /// and never disposed. Every call returns the same module, which shares nothing with the networks, except with one that the loss keeps
    /// itself, such as an average of the student's weights, whose parameters require no gradient.</summary>
    /// <value>null by default: the loss has none.</value>
    nn.Module? Trainable => null;

    /// <summary>What is unusual about its options, one sentence each; a trainer logs them as warnings when a run begins.</summary>
    /// <value>Empty by default.</value>
    IEnumerable<string> Warnings => [];

    /// <summary>The loss of a batch, a mean over its samples: that of a batch in parts
    /// (<see cref="TrainerOptions.AccumulationSteps"/>) is the mean over the parts, weighted by their sizes.</summary>
    /// <param name="inputs">At least the declared passes.</param>
    /// <returns>Total and parts, owned by the caller (and the caller's dispose scope).</returns>
    /// <exception cref="ArgumentException">A pass is missing or has an unexpected shape.</exception>
    LossTerms Compute(DistillationInputs inputs);
}
