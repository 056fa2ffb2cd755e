using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Made-up passes of a student and a teacher: logits of five classes and two feature maps.</summary>
internal static class LossData
{
    public const int Classes = 5;

    public static Tensor Logits(int samples, int seed, ScalarType dtype = ScalarType.Float64, double reach = 3, int classes = Classes) =>
        TinyModels.Random([samples, classes], seed, dtype, -reach, reach);

    public static Tensor[] Maps(int samples, int seed, ScalarType dtype = ScalarType.Float64) =>
        [TinyModels.Random([samples, 3, 4, 4], seed, dtype, -1, 1), TinyModels.Random([samples, 4, 2, 2], seed + 1, dtype, -1, 1)];

    public static FeatureMaps Named(params Tensor[] maps) => new(maps.Select((map, i) => ($"layer{i + 1}", map)));

    public static TappedOutput Pass(int samples, int seed, ScalarType dtype = ScalarType.Float64) =>
        new(Logits(samples, seed, dtype), Named(Maps(samples, seed + 50, dtype)));

    /// <summary>Labels that the teacher of <see cref="Pass"/> gets right on the even samples and wrong on the odd ones.</summary>
    public static Tensor HalfWrongLabels(Tensor teacherLogits) =>
        tensor([.. LossReference.Rows(teacherLogits).Select((row, i) => (LossReference.TopClass(row) + i % 2L) % row.Length)]);

    public static DistillationInputs All(int samples, int seed = 1, ScalarType dtype = ScalarType.Float64)
    {
        var teacher = Pass(samples, seed + 200, dtype);
        return new DistillationInputs
        {
            Labels = HalfWrongLabels(teacher.Output),
            StudentClean = Pass(samples, seed, dtype),
            StudentAdversarial = Pass(samples, seed + 100, dtype),
            TeacherClean = teacher,
            TeacherAdversarial = Pass(samples, seed + 300, dtype),
        };
    }

    public static IEnumerable<Tensor> Tensors(TappedOutput? pass) => pass is null ? [] : [pass.Output, .. pass.Features];

    public static IEnumerable<Tensor> Tensors(DistillationInputs inputs) =>
        [inputs.Labels, .. Student(inputs), .. Teacher(inputs)];

    public static IEnumerable<Tensor> Student(DistillationInputs inputs) => [.. Tensors(inputs.StudentClean), .. Tensors(inputs.StudentAdversarial)];

    public static IEnumerable<Tensor> Teacher(DistillationInputs inputs) => [.. Tensors(inputs.TeacherClean), .. Tensors(inputs.TeacherAdversarial)];

    public static DistillationInputs Select(DistillationInputs inputs, params long[] rows)
    {
        var at = tensor(rows);
        TappedOutput? Pick(TappedOutput? pass) => pass is null
            ? null
            : new TappedOutput(pass.Output.index_select(0, at), Named([.. pass.Features.Select(map => map.index_select(0, at))]));
        return new DistillationInputs
        {
            Labels = inputs.Labels.index_select(0, at),
            StudentClean = Pick(inputs.StudentClean), StudentAdversarial = Pick(inputs.StudentAdversarial),
            TeacherClean = Pick(inputs.TeacherClean), TeacherAdversarial = Pick(inputs.TeacherAdversarial),
        };
    }

    public static DistillationInputs To(DistillationInputs inputs, ScalarType dtype)
    {
        TappedOutput? Cast(TappedOutput? pass) => pass is null ? null : new TappedOutput(pass.Output.to(dtype), Named([.. pass.Features.Select(map => map.to(dtype))]));
        return inputs with
        {
            StudentClean = Cast(inputs.StudentClean), StudentAdversarial = Cast(inputs.StudentAdversarial),
            TeacherClean = Cast(inputs.TeacherClean), TeacherAdversarial = Cast(inputs.TeacherAdversarial),
        };
    }

    public static double Value(IDistillationLoss loss, DistillationInputs inputs) => loss.Compute(inputs).Total.ToDouble();
}
