using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What the networks put out in one step: those passes that the loss declared, null otherwise.</summary>
public sealed record DistillationInputs
{
    /// <summary>True classes, int64 [N].</summary>
    public required Tensor Labels { get; init; }

    /// <summary>The student on clean images.</summary>
    public TappedOutput? StudentClean { get; init; }

    /// <summary>The student on adversarial images.</summary>
    public TappedOutput? StudentAdversarial { get; init; }

    /// <summary>The teacher on clean images, without gradient.</summary>
    public TappedOutput? TeacherClean { get; init; }

    /// <summary>The teacher on adversarial images crafted against it, without gradient.</summary>
    public TappedOutput? TeacherAdversarial { get; init; }

    /// <summary>A pass that must be there.</summary>
    /// <param name="pass">One of the four properties.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <returns>The pass.</returns>
    /// <exception cref="ArgumentException">It is null.</exception>
    public static TappedOutput Require([NotNull] TappedOutput? pass, [CallerArgumentExpression(nameof(pass))] string? name = null) =>
        pass ?? throw new ArgumentException($"The loss needs {name}, which was not given. Declare the pass in the loss's Needs, or set it.", name);
}
