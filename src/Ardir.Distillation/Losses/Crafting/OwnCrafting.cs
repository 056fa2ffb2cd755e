using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Adversarial images made by an attack of your own, whatever the source of the loss prescribes: <see cref="TradesLoss"/> with
/// ordinary PGD is not TRADES. All images are made by the one attack, except those in <see cref="Crafting.Attacks"/>.</summary>
/// <example><code>
/// var options = new TrainerOptions { Crafting = new OwnCrafting(new PgdAttack(threat)) { TrainMode = true } };
/// </code></example>
public sealed record OwnCrafting : Crafting
{
    /// <summary>Crafts by an attack.</summary>
    /// <param name="attack">The attack.</param>
    /// <exception cref="ArgumentNullException">The attack is null.</exception>
    public OwnCrafting(IAttack attack)
    {
        ArgumentNullException.ThrowIfNull(attack);
        Attack = attack;
    }

    /// <summary>The attack.</summary>
    public IAttack Attack { get; }

    /// <summary>What the attack may do to an image.</summary>
    public override ThreatModel Threat => Attack.Threat;

    /// <summary>Whether batch norm stays in train mode while the student is attacked, as in the code of Rice et al., ARD, IAD and AKD2:
    /// every step of the attack then changes its running statistics.</summary>
    /// <value>false by default.</value>
    public bool TrainMode { get; init; }

    internal override CraftedImages Plan(ImageSource images, InnerMaximization prescribed, IModule? teacher) =>
        new(images, Attacks.GetValueOrDefault(images) ?? Attack, TrainMode && images.Against == NetworkRole.Student);
}
