using System.Collections.Immutable;

namespace Ardir.Distillation;

/// <summary>What a loss needs in order to be computed; the trainer runs exactly these passes.</summary>
public sealed record DistillationNeeds
{
    /// <summary>The forward passes. At least one is of the student.</summary>
    public required ImmutableHashSet<NetworkPass> Passes { get; init; }

    /// <summary>Layers to tap in each network, as for <see cref="Core.FeatureTap.Attach"/>; of a network without an entry, none.</summary>
    /// <value>None by default.</value>
    public ImmutableDictionary<NetworkRole, IReadOnlyList<string>> Layers { get; init; } =
        ImmutableDictionary<NetworkRole, IReadOnlyList<string>>.Empty;

    /// <summary>Layers of the student to tap: its entry in <see cref="Layers"/>.</summary>
    /// <value>None by default.</value>
    public IReadOnlyList<string> StudentLayers { get => LayersOf(NetworkRole.Student); init => Layers = With(NetworkRole.Student, value); }

    /// <summary>Layers of the teacher to tap: its entry in <see cref="Layers"/>.</summary>
    /// <value>None by default.</value>
    public IReadOnlyList<string> TeacherLayers { get => LayersOf(NetworkRole.Teacher); init => Layers = With(NetworkRole.Teacher, value); }

    /// <summary>How the paper or released code behind the loss crafts the adversarial images. <see cref="PrescribedCrafting"/> follows
    /// it.</summary>
    /// <value><see cref="Ardir.Distillation.InnerMaximization.Default"/> by default.</value>
    public InnerMaximization InnerMaximization { get; init; } = InnerMaximization.Default;

    /// <summary>Images that are crafted in another way than <see cref="InnerMaximization"/> says, for example a second adversarial
    /// view.</summary>
    /// <value>None by default.</value>
    public ImmutableDictionary<ImageSource, InnerMaximization> InnerMaximizations { get; init; } =
        ImmutableDictionary<ImageSource, InnerMaximization>.Empty;

    /// <summary>The networks besides the student that take part: that see images or are attacked. In a fixed order.</summary>
    public IReadOnlyList<NetworkRole> Networks =>
    [
        .. Passes.Select(pass => pass.Network).Concat(Passes.Select(pass => pass.Images.Against).OfType<NetworkRole>()).Distinct()
            .Where(network => network != NetworkRole.Student)
            .OrderBy(network => network.Name, StringComparer.Ordinal),
    ];

    /// <summary>The adversarial images that must be crafted, those against the student first. In a fixed order.</summary>
    public IReadOnlyList<ImageSource> CraftedImages =>
    [
        .. Passes.Select(pass => pass.Images).Distinct().Where(images => images.Against is not null)
            .OrderByDescending(images => images.Against == NetworkRole.Student)
            .ThenBy(images => images.Against!.Name, StringComparer.Ordinal)
            .ThenBy(images => images.View, StringComparer.Ordinal),
    ];

    /// <summary>The layers to tap in a network.</summary>
    /// <param name="network">The network.</param>
    /// <returns>Its entry in <see cref="Layers"/>; empty without one.</returns>
    public IReadOnlyList<string> LayersOf(NetworkRole network) => Layers.GetValueOrDefault(network) ?? [];

    /// <summary>How particular images are crafted.</summary>
    /// <param name="images">The images.</param>
    /// <returns>Their entry in <see cref="InnerMaximizations"/>, or <see cref="InnerMaximization"/>. Images against another network than
    /// the student are crafted with the labels, because the divergence from a teacher has no meaning for the teacher itself.</returns>
    public InnerMaximization MaximizationOf(ImageSource images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (InnerMaximizations.TryGetValue(images, out var own)) return own;
        return images.Against == NetworkRole.Student
            ? InnerMaximization
            : InnerMaximization with { Objective = InnerObjective.CrossEntropy };
    }

    private ImmutableDictionary<NetworkRole, IReadOnlyList<string>> With(NetworkRole network, IReadOnlyList<string> layers) =>
        layers.Count == 0 ? Layers.Remove(network) : Layers.SetItem(network, layers);
}
