using System.Collections.Immutable;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>How a run makes its adversarial images: as the source of the loss prescribes for a threat model
/// (<see cref="PrescribedCrafting"/>), or by an attack of your own (<see cref="OwnCrafting"/>).</summary>
public abstract record Crafting
{
    private protected Crafting()
    {
    }

    /// <summary>What an adversary may do to an image.</summary>
    public abstract ThreatModel Threat { get; }

    /// <summary>Attacks for particular images, in place of what this object says otherwise: for example those against the teacher, or a
    /// second adversarial view. They run in the same batch-norm mode.</summary>
    /// <value>None by default.</value>
    public ImmutableDictionary<ImageSource, IAttack> Attacks { get; init; } = ImmutableDictionary<ImageSource, IAttack>.Empty;

    /// <summary>The attack that makes particular images, and its batch-norm mode.</summary>
    internal abstract CraftedImages Plan(ImageSource images, InnerMaximization prescribed, IModule? teacher);
}
