using Ardir.Core;

namespace Ardir.Attacks;

internal sealed class KlAttackLoss(IModule? teacher) : IAttackLoss, IStatesIdentity
{
    public string Name => teacher is null ? "KL to clean" : "KL to teacher";

    public bool AllowsThreads => true;

    // The text of an attack's options contains its loss, and a resumed run compares that text, so the two variants must differ in it.
    public override string ToString() => Name;

    IReadOnlyList<object?>? IStatesIdentity.IdentityParts => teacher is null ? [Name] : [Name, teacher];

    public IReadOnlyList<Tensor> Prepare(AttackLossPreparation inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (teacher is not null && inputs.LogitsOf(teacher) is { } known) return [known.detach().log_softmax(1)];
        var source = teacher ?? inputs.Model;
        using var evaluation = new EvaluationModeScope(source);
        using var logits = source.call(inputs.Images);
        return [logits.detach().log_softmax(1)];
    }

    public Tensor Compute(AttackLossInputs inputs)
    {
        if (inputs.Targets is not null)
            throw new InvalidOperationException($"The loss '{Name}' has no targeted form. Use AttackLoss.CrossEntropy, Dlr or Margin.");
        using var scope = NewDisposeScope();
        var logP = inputs.Reference[0];
        var logQ = inputs.Logits.log_softmax(1);
        if (!logP.shape.AsSpan().SequenceEqual(logQ.shape))
            throw new InvalidOperationException(
                $"The teacher returned {TensorGuard.Shape(logP)} and the model {TensorGuard.Shape(logQ)}; expected the same classes.");
        return nn.functional.kl_div(logQ, logP, reduction: nn.Reduction.None, log_target: true).sum(1).MoveToOuterDisposeScope();
    }
}
