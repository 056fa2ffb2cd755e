using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The outputs of the networks in one training step: the passes that the loss declared; the others are null.</summary>
/// <remarks>Passes of tapped networks are refused with an <see cref="ArgumentException"/> where student and teacher share a module or a
/// parameter, because the teacher would change while the student learns.</remarks>
public sealed record DistillationInputs
{
    /// <summary>True classes, int64 [N].</summary>
    public required Tensor Labels { get; init; }

    /// <summary>The student on clean images.</summary>
    public TappedOutput? StudentClean { get; init => field = Student(value); }

    /// <summary>The student on adversarial images.</summary>
    public TappedOutput? StudentAdversarial { get; init => field = Student(value); }

    /// <summary>The teacher on clean images, without gradient.</summary>
    public TappedOutput? TeacherClean { get; init => field = Teacher(value); }

    /// <summary>The teacher on adversarial images crafted against it, without gradient.</summary>
    public TappedOutput? TeacherAdversarial { get; init => field = Teacher(value); }

    /// <summary>The teacher on the adversarial images crafted against the student, without gradient.</summary>
    public TappedOutput? TeacherOnStudentAdversarial { get; init => field = Teacher(value); }

    /// <summary>The second, ordinarily trained teacher on the adversarial images crafted against the student, without gradient.</summary>
    public TappedOutput? StandardTeacherOnStudentAdversarial { get; init => field = Teacher(value); }

    /// <summary>Share of each true label that is spread evenly over all classes, in [0,1). It applies to every cross-entropy with the true
    /// labels, but not to soft labels, replaced ones included.</summary>
    /// <value>0 by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Not in [0,1).</exception>
    public double LabelSmoothing
    {
        get;
        init => field = value is >= 0 and < 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(LabelSmoothing), value, "LabelSmoothing must be in [0,1).");
    }

    /// <summary>The epoch, from 0, for losses that change over time.</summary>
    /// <value>0 by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int Epoch
    {
        get;
        init => field = value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Epoch), value, "Epoch must not be negative; the first is 0.");
    }

    /// <summary>Returns a pass that the loss cannot do without.</summary>
    /// <param name="pass">One of the properties.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <returns>The pass.</returns>
    /// <exception cref="ArgumentException">It is null.</exception>
    public static TappedOutput Require([NotNull] TappedOutput? pass, [CallerArgumentExpression(nameof(pass))] string? name = null) =>
        pass ?? throw new ArgumentException(
            $"The loss needs {name}, which was not given. Declare the pass in the loss's Needs, or set it.", name);

    private TappedOutput? Student(TappedOutput? pass)
    {
        TappedOutput.EnsureSeparate(pass, TeacherClean, nameof(TeacherClean));
        TappedOutput.EnsureSeparate(pass, TeacherAdversarial, nameof(TeacherAdversarial));
        TappedOutput.EnsureSeparate(pass, TeacherOnStudentAdversarial, nameof(TeacherOnStudentAdversarial));
        TappedOutput.EnsureSeparate(pass, StandardTeacherOnStudentAdversarial, nameof(StandardTeacherOnStudentAdversarial));
        return pass;
    }

    private TappedOutput? Teacher(TappedOutput? pass)
    {
        TappedOutput.EnsureSeparate(StudentClean, pass);
        TappedOutput.EnsureSeparate(StudentAdversarial, pass);
        return pass;
    }
}
