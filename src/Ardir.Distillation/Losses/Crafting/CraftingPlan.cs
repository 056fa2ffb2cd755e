using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>How a run makes all of its adversarial images: <see cref="TrainerOptions.Crafting"/> and what the loss needs, resolved. It is
/// logged when a run begins, part of its identity and of its <see cref="TrainingResult"/>.</summary>
/// <param name="Images">An entry for each kind of adversarial images, those against the student first; empty for losses that need
/// none.</param>
public sealed record CraftingPlan(IReadOnlyList<CraftedImages> Images)
{
    /// <summary>A line for logs.</summary>
    /// <returns>The entries, or <c>no adversarial images</c>.</returns>
    public override string ToString() => Images.Count == 0 ? "no adversarial images" : string.Join("; ", Images);

    /// <summary>Chooses the attacks for all images that the loss needs.</summary>
    /// <exception cref="ArgumentException">The loss needs adversarial images and no crafting was chosen, or an option is out of
    /// range.</exception>
    internal static CraftingPlan Of(Crafting? crafting, IDistillationLoss loss, IModule? teacher)
    {
        var needed = loss.Needs.CraftedImages;
        if (needed.Count > 0 && crafting is null)
        {
            throw new ArgumentException(
                $"The loss {loss.Name} needs {string.Join(" and ", needed)}: set TrainerOptions.Crafting to a PrescribedCrafting, which " +
                "crafts as the loss's source does, or to an OwnCrafting with an attack such as a PgdAttack.", nameof(crafting));
        }
        if (crafting?.Attacks.Keys.FirstOrDefault(images => !needed.Contains(images)) is { } unused)
        {
            throw new ArgumentException(
                $"Crafting.Attacks has an attack for {unused}, which the loss {loss.Name} does not use; it needs " +
                $"{(needed.Count == 0 ? "no adversarial images" : string.Join(" and ", needed))}.", nameof(crafting));
        }
        return new CraftingPlan([.. needed.Select(images => crafting!.Plan(images, loss.Needs.MaximizationOf(images), teacher))])
        {
            AsksTeacher = needed.Any(images => images.Against == NetworkRole.Student && Objective(images) == InnerObjective.KlToTeacher),
        };

        InnerObjective Objective(ImageSource images) =>
            (crafting as PrescribedCrafting)?.Objective ?? loss.Needs.MaximizationOf(images).Objective;
    }

    /// <summary>Whether an attack is meant to ask the teacher about the clean images, so that it can share the pass of the loss.</summary>
    internal bool AsksTeacher { get; init; }

    /// <summary>The attack on the student that makes the first adversarial images; null without one.</summary>
    internal IAttack? OnStudent => Images.FirstOrDefault(entry => entry.Images.Against == NetworkRole.Student)?.Attack;
}
