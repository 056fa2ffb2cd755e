namespace Ardir.Attacks;

/// <summary>Reasons to doubt the result of an evaluation.</summary>
public enum FindingKind
{
    /// <summary>The same images give different logits: a randomised defence, whose robust accuracy is overestimated here. Use
    /// <see cref="AutoAttackVersion.Rand"/>.</summary>
    Randomized,

    /// <summary>The model returns probabilities instead of logits, which flattens the gradients of the cross-entropy.</summary>
    Probabilities,

    /// <summary>At images that stayed unbroken an attack met a gradient that is exactly zero, and no other attack had a usable one: it
    /// could not move there, and its failure is no evidence of robustness. The losses that help are <see cref="AttackLoss.Margin"/> and
    /// <see cref="AttackLoss.Dlr"/>.</summary>
    ZeroGradient,

    /// <summary>The gradient-free attack breaks images that the attacks with gradients did not: the gradients are misleading.</summary>
    SquareImproves,

    /// <summary>The model seems to compute gradients or optimise while it predicts.</summary>
    DynamicModel,

    /// <summary>Too few classes for the losses of the attacks; replacements ran, so the result is not comparable with others.</summary>
    FewClasses,

    /// <summary>Some clean images have NaN logits and count as misclassified, or attacks found points with NaN logits, which count as
    /// broken.</summary>
    NanLogits,

    /// <summary>All images have the same logits.</summary>
    ConstantLogits,

    /// <summary>A module stayed in train mode although the model was put into eval mode.</summary>
    TrainMode,

    /// <summary>The gradient of the cross-entropy is almost zero although the margins are moderate.</summary>
    VanishingGradient,

    /// <summary>One FGSM step within the threat model of the attacks breaks images that they all left unbroken. Attacks that may do
    /// less than their threat model says (<see cref="IAttack.CoversThreat"/>) are not compared.</summary>
    WeakerThanFgsm,

    /// <summary>Images resist even a budget that is large enough to turn them grey.</summary>
    ResistsHugeBudget,

    /// <summary>An attack claimed images that, when checked, were classified correctly or not within the budget; they were not
    /// counted.</summary>
    UnconfirmedSuccess,

    /// <summary>No gradient flows through the model (detached or constant): the attacks of an ensemble that need one ended without
    /// breaking anything.</summary>
    NoGradient,

    /// <summary>At images that stayed unbroken an attack met a gradient that is NaN or infinite although no logit is NaN, and no other
    /// attack had a usable one: its failure there is no evidence of robustness.</summary>
    BadGradient,
}
