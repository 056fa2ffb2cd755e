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
            TeacherOnStudentAdversarial = Pass(samples, seed + 400, dtype),
            StandardTeacherOnStudentAdversarial = Pass(samples, seed + 500, dtype),
        };
    }

    public static IEnumerable<Tensor> Tensors(TappedOutput? pass) => pass is null ? [] : [pass.Output, .. pass.Features];

    public static IEnumerable<Tensor> Tensors(DistillationInputs inputs) =>
        [inputs.Labels, .. Student(inputs), .. Teacher(inputs)];

    public static IEnumerable<Tensor> Student(DistillationInputs inputs) => Passes(inputs).Take(2).SelectMany(Tensors);

    public static IEnumerable<Tensor> Teacher(DistillationInputs inputs) => Passes(inputs).Skip(2).SelectMany(Tensors);

    public static DistillationInputs Select(DistillationInputs inputs, params long[] rows)
    {
        var at = tensor(rows);
        TappedOutput? Pick(TappedOutput? pass) => pass is null
            ? null
            : new TappedOutput(pass.Output.index_select(0, at), Named([.. pass.Features.Select(map => map.index_select(0, at))]));
        return Map(inputs, Pick) with { Labels = inputs.Labels.index_select(0, at) };
    }

    public static DistillationInputs To(DistillationInputs inputs, ScalarType dtype)
    {
        TappedOutput? Cast(TappedOutput? pass) => pass is null ? null : new TappedOutput(pass.Output.to(dtype), Named([.. pass.Features.Select(map => map.to(dtype))]));
        return Map(inputs, Cast);
    }

    /// <summary>All passes: the student's two, then the teachers'.</summary>
    public static IReadOnlyList<TappedOutput?> Passes(DistillationInputs inputs) =>
        [inputs.StudentClean, inputs.StudentAdversarial, inputs.TeacherClean, inputs.TeacherAdversarial, inputs.TeacherOnStudentAdversarial, inputs.StandardTeacherOnStudentAdversarial];

    public static DistillationInputs Map(DistillationInputs inputs, Func<TappedOutput?, TappedOutput?> change) => inputs with
    {
        StudentClean = change(inputs.StudentClean), StudentAdversarial = change(inputs.StudentAdversarial),
        TeacherClean = change(inputs.TeacherClean), TeacherAdversarial = change(inputs.TeacherAdversarial),
        TeacherOnStudentAdversarial = change(inputs.TeacherOnStudentAdversarial), StandardTeacherOnStudentAdversarial = change(inputs.StandardTeacherOnStudentAdversarial),
    };

    public static double Value(IDistillationLoss loss, DistillationInputs inputs) => loss.Compute(inputs).Total.ToDouble();
}
