using System.Collections.Immutable;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The outputs of the networks in one training step: the passes that the loss declared, by the same keys.</summary>
/// <remarks>Passes of tapped networks are refused with an <see cref="ArgumentException"/> where the student shares a module or a parameter
/// with another network, because that network would change while the student learns.</remarks>
public sealed record DistillationInputs
{
    private readonly ImmutableDictionary<NetworkPass, TappedOutput> _outputs = ImmutableDictionary<NetworkPass, TappedOutput>.Empty;

    /// <summary>True classes, int64 [N].</summary>
    public required Tensor Labels { get; init; }

    /// <summary>The batch that the labels belong to, if its values were checked before: losses then do not read the labels again, for which
    /// a GPU would have to be waited for. It counts only for <see cref="CheckedBatch.Labels"/> themselves.</summary>
    /// <value>null by default: the range of the labels is checked.</value>
    public CheckedBatch? Checked { get; init; }

    /// <summary>The output of each pass. Those of all networks but the student are without gradient.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyDictionary<NetworkPass, TappedOutput> Outputs
    {
        get => _outputs;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            _outputs = value.ToImmutableDictionary();
            EnsureApart();
        }
    }

    /// <summary>The student on clean images; null if that pass was not made.</summary>
    public TappedOutput? StudentClean { get => Find(NetworkPass.StudentClean); init => _outputs = With(NetworkPass.StudentClean, value); }

    /// <summary>The student on adversarial images; null if that pass was not made.</summary>
    public TappedOutput? StudentAdversarial
    {
        get => Find(NetworkPass.StudentAdversarial);
        init => _outputs = With(NetworkPass.StudentAdversarial, value);
    }

    /// <summary>The teacher on clean images, without gradient; null if that pass was not made.</summary>
    public TappedOutput? TeacherClean { get => Find(NetworkPass.TeacherClean); init => _outputs = With(NetworkPass.TeacherClean, value); }

    /// <summary>The teacher on adversarial images crafted against it, without gradient; null if that pass was not made.</summary>
    public TappedOutput? TeacherAdversarial
    {
        get => Find(NetworkPass.TeacherAdversarial);
        init => _outputs = With(NetworkPass.TeacherAdversarial, value);
    }

    /// <summary>The teacher on the adversarial images crafted against the student, without gradient; null if that pass was not
    /// made.</summary>
    public TappedOutput? TeacherOnStudentAdversarial
    {
        get => Find(NetworkPass.TeacherOnStudentAdversarial);
        init => _outputs = With(NetworkPass.TeacherOnStudentAdversarial, value);
    }

    /// <summary>The second, ordinarily trained teacher on the adversarial images crafted against the student, without gradient; null if
    /// that pass was not made.</summary>
    public TappedOutput? StandardTeacherOnStudentAdversarial
    {
        get => Find(NetworkPass.StandardTeacherOnStudentAdversarial);
        init => _outputs = With(NetworkPass.StandardTeacherOnStudentAdversarial, value);
    }

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

    /// <summary>Which share of the images of a training step these are, in (0,1]: less than 1 with gradient accumulation or several
    /// processes. The trainer multiplies the loss by it, so that means over the parts add up to the mean over the batch. A loss that is a
    /// sum over samples divides it by the share (<see cref="KlDivergence.Reduce"/> does).</summary>
    /// <value>1 by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Not in (0,1].</exception>
    public double Share
    {
        get;
        init => field = value is > 0 and <= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Share), value, "Share must be in (0,1]; 1 for a whole batch.");
    } = 1;

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

    /// <summary>The output of a pass that the loss cannot do without.</summary>
    /// <param name="pass">The pass.</param>
    /// <returns>Logits, and the features of the layers that the loss named.</returns>
    /// <exception cref="ArgumentException">The pass was not made.</exception>
    public TappedOutput this[NetworkPass pass] => Find(pass) ?? throw new ArgumentException(
        $"The loss needs the {pass}, which was not given. Declare the pass in the loss's Needs, or set it.", nameof(pass));

    /// <summary>The output of a pass.</summary>
    /// <param name="pass">The pass.</param>
    /// <returns>The output; null if the pass was not made.</returns>
    public TappedOutput? Find(NetworkPass pass) => _outputs.GetValueOrDefault(pass);

    private ImmutableDictionary<NetworkPass, TappedOutput> With(NetworkPass pass, TappedOutput? output)
    {
        if (output is null) return _outputs.Remove(pass);
        foreach (var (other, given) in _outputs) EnsureApart(pass, output, other, given);
        return _outputs.SetItem(pass, output);
    }

    private void EnsureApart()
    {
        foreach (var (pass, output) in _outputs)
        {
            foreach (var (other, given) in _outputs) EnsureApart(pass, output, other, given);
        }
    }

    private static void EnsureApart(NetworkPass first, TappedOutput one, NetworkPass second, TappedOutput two)
    {
        var isStudent = first.Network == NetworkRole.Student;
        if (isStudent == (second.Network == NetworkRole.Student)) return;
        TappedOutput.EnsureSeparate(isStudent ? one : two, isStudent ? two : one, isStudent ? $"{second}" : $"{first}");
    }
}
