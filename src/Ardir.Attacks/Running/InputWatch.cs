using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Refuses models that change their input in place, such as <c>images.sub_(mean)</c>. Such a model overwrites the points of an
/// attack: one without gradients would search from the wrong points and look weak, one with gradients would end in an error of the
/// native library.
/// </summary>
internal static class InputWatch
{
    /// <summary>Makes one call and compares the input before and after. It costs a copy, so callers do it once per run: a model that
    /// writes into its input does so on every call.</summary>
    public static T Watched<T>(Tensor input, Func<T> call)
    {
        using var before = input.detach().clone();
        var result = call();
        if (input.IsInvalid)
            throw new InvalidOperationException(
                "The model disposed its input. The tensor belongs to the caller; let the model dispose only what it makes itself.");
        if (!Same(input, before)) throw new InvalidOperationException($"The model changes its input in place. {ModelCall.InPlaceRemedy}");
        return result;
    }

    private static bool Same(Tensor now, Tensor before)
    {
        if (!now.shape.AsSpan().SequenceEqual(before.shape)) return false;
        using var scope = NewDisposeScope();
        var same = now.detach() == before;
        // NaN never equals itself, so unchanged NaN pixels must be excluded from the comparison.
        return HostRead.Bool(same.all()) || HostRead.Bool(same.logical_or_(before.isnan()).all());
    }
}
