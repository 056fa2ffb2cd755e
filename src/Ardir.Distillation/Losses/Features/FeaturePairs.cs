using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Feature maps of two networks that are compared by position, for your own losses.</summary>
public static class FeaturePairs
{
    /// <summary>Returns the student's maps, adapted if there are adapters, after a check that their shapes equal the teacher's.</summary>
    /// <param name="student">Maps [N,C,...] or [N,C], at least one.</param>
    /// <param name="teacher">As many maps, paired by position.</param>
    /// <param name="adapters">Bring the student's maps to the teacher's shapes; null compares the maps as they are.</param>
    /// <returns>The maps in the current dispose scope; without adapters those that were given.</returns>
    /// <exception cref="ArgumentException">There are no maps, or their number or shapes differ; the message gives both.</exception>
    public static FeatureMaps Matched(FeatureMaps student, FeatureMaps teacher, FeatureAdapters? adapters)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        CheckPairs(student, teacher);
        var matched = adapters?.Adapt(student) ?? student;
        for (var i = 0; i < matched.Count; i++)
        {
            if (matched[i].shape.AsSpan().SequenceEqual(teacher[i].shape)) continue;
            throw new ArgumentException(
                $"layer '{student.Layers[i]}' against '{teacher.Layers[i]}': " +
                $"the student has shape {TensorGuard.Shape(matched[i])}{(adapters is null ? "" : " after its adapter")} and the " +
                $"teacher {TensorGuard.Shape(teacher[i])}; expected the same. " +
                $"{(adapters is null ? "Set Adapters in the loss's options" : "Make the adapters for this teacher")}: " +
                "FeatureAdapters.Between(student, teacher, imageShape, layers).",
                nameof(teacher));
        }
        return matched;
    }

    private static void CheckPairs(FeatureMaps student, FeatureMaps teacher)
    {
        if (student.Count == 0)
        {
            throw new ArgumentException(
                "The student's pass has no feature maps. Attach its tap with layers: FeatureTap.Attach(student, \"layer*\").",
                nameof(student));
        }
        if (student.Count != teacher.Count)
        {
            throw new ArgumentException(
                $"The student has {student.Count} feature maps ({string.Join(", ", student.Layers)}) and " +
                $"the teacher {teacher.Count} ({string.Join(", ", teacher.Layers)}); they are compared by position.",
                nameof(teacher));
        }
        for (var i = 0; i < student.Count; i++)
        {
            if (student[i].dim() < 2)
            {
                throw new ArgumentException(
                    $"Layer '{student.Layers[i]}' has shape {TensorGuard.Shape(student[i])}; expected [N,C,H,W] or [N,C].",
                    nameof(student));
            }
        }
    }
}
