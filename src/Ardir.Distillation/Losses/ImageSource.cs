namespace Ardir.Distillation;

/// <summary>Where the images of a pass come from: the clean (augmented) batch, or an attack against one of the networks.</summary>
public sealed record ImageSource
{
    private ImageSource(NetworkRole? against, string view) => (Against, View) = (against, view);

    /// <summary>The clean (augmented) images: the same tensor from which all attacks start.</summary>
    public static ImageSource Clean { get; } = new(null, "");

    /// <summary>Adversarial images crafted against the student.</summary>
    public static ImageSource Adversarial { get; } = AdversarialTo(NetworkRole.Student);

    /// <summary>The network that the images are crafted against; null for clean images.</summary>
    public NetworkRole? Against { get; }

    /// <summary>Distinguishes several adversarial versions of one image; empty for the first and for clean images.</summary>
    public string View { get; }

    /// <summary>Adversarial images crafted against a network.</summary>
    /// <param name="network">The network under attack.</param>
    /// <param name="view">A name for each further version of the images, which is crafted with other random numbers, and differently where
    /// <see cref="DistillationNeeds.InnerMaximizations"/> or <see cref="Crafting.Attacks"/> says so; empty for the first one.</param>
    /// <returns>The source; equal arguments give equal sources.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static ImageSource AdversarialTo(NetworkRole network, string view = "")
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(view);
        return new ImageSource(network, view);
    }

    /// <summary>A name for messages and logs.</summary>
    /// <returns>For example <c>images adversarial to student</c>.</returns>
    public override string ToString() => Against is null
        ? "clean images"
        : $"images adversarial to {Against}{(View.Length == 0 ? "" : $" ({View})")}";
}
