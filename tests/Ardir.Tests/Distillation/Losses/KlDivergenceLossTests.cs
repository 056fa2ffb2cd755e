using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class KlDivergenceLossTests
{
    private const int Samples = 6;

    [Theory]
    [InlineData(1, true, KlReduction.BatchMean)]
    [InlineData(4, true, KlReduction.BatchMean)]
    [InlineData(4, false, KlReduction.BatchMean)]
    [InlineData(4, true, KlReduction.ElementMean)]
    [InlineData(4, true, KlReduction.Sum)]
    public void Compute_ScaleAndReduction_FollowTheFormula(double temperature, bool scale, KlReduction reduction)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1), LossData.Logits(Samples, 2));
        var options = new KlDivergenceLossOptions { Temperature = temperature, ScaleByTemperatureSquared = scale, Reduction = reduction };
        var sum = LossReference.KlPerSample(student, teacher, temperature).Sum() * (scale ? temperature * temperature : 1);
        var expected = reduction switch
        {
            KlReduction.Sum => sum,
            KlReduction.ElementMean => sum / (Samples * LossData.Classes),
            _ => sum / Samples,
        };
        Total(options, student, teacher).Should().BeApproximately(expected, 1e-12);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Compute_StudentTeacher_IsTheLiteralOrder(double temperature)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1), LossData.Logits(Samples, 2));
        var expected = LossReference.KlPerSample(teacher, student, temperature).Average() * temperature * temperature;
        Total(new() { Temperature = temperature, Direction = KlDirection.StudentTeacher }, student, teacher).Should().BeApproximately(expected, 1e-12);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(150)]
    public void Compute_StudentTeacherWithConfidentTeacher_StaysFinite(double reach)
    {
        using var scope = NewDisposeScope();
        var student = zeros(1, 3);
        var teacher = tensor(new[] { (float)reach, (float)-reach, (float)-reach }, [1, 3]);
        // KL(uniform || q) = -log 3 - mean(log q), and log q is 0 and twice -2*reach.
        var expected = -Math.Log(3) + 4 * reach / 3;
        Total(new() { Direction = KlDirection.StudentTeacher }, student, teacher).Should().BeApproximately(expected, 1e-6 * reach);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Compute_ReplacedProbabilities_AreCrossEntropyAtTheTemperature(double temperature)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1), LossData.Logits(Samples, 2));
        var expected = Mixed(student, teacher, temperature, (row, label) => LossReference.CrossEntropy(row, label, temperature) * temperature * temperature);
        Total(new() { Temperature = temperature, LabelReplacement = LabelReplacement.Probabilities }, student, teacher).Should().BeApproximately(expected, 1e-12);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Compute_ReplacedLogits_TargetTheSoftmaxOfTheOneHot(double temperature)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1), LossData.Logits(Samples, 2));
        var expected = Mixed(student, teacher, temperature, (row, label) => temperature * temperature * LossReference.Kl(
            LossReference.Softmax(LossReference.OneHot(label, LossData.Classes), temperature), LossReference.Softmax(row, temperature)));
        Total(new() { Temperature = temperature, LabelReplacement = LabelReplacement.Logits }, student, teacher).Should().BeApproximately(expected, 1e-12);
    }

    [Fact]
    public void SoftLabels_ReplacedLogitsOfTenClasses_GiveTheTrueClass0232()
    {
        using var scope = NewDisposeScope();
        var soft = SoftLabels.Of(LossData.Logits(1, 3, classes: 10), LossData.HalfWrongLabels(LossData.Logits(2, 3, classes: 10)).narrow(0, 0, 1) + 1, 1, LabelReplacement.Logits);
        soft.Probabilities.max().ToDouble().Should().BeApproximately(Math.E / (Math.E + 9), 1e-12).And.BeApproximately(0.232, 5e-4);
    }

    [Theory]
    [InlineData(true, 2.0)]
    [InlineData(false, 2.0)]
    [InlineData(true, 7.0)]
    public void Compute_HardLabelTemperature_AppliesToReplacedRowsOnly(bool scale, double hard)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1), LossData.Logits(Samples, 2));
        var expected = Mixed(student, teacher, 7, (row, label) => LossReference.CrossEntropy(row, label, hard) * (scale ? hard * hard : 1), scale);
        var options = new KlDivergenceLossOptions
        {
            Temperature = 7, LabelReplacement = LabelReplacement.Probabilities, HardLabelTemperature = hard, ScaleByTemperatureSquared = scale,
        };
        Total(options, student, teacher).Should().BeApproximately(expected, 1e-12);
    }

    [Theory]
    [InlineData(KlDirection.TeacherStudent, LabelReplacement.None, null)]
    [InlineData(KlDirection.TeacherStudent, LabelReplacement.Probabilities, null)]
    [InlineData(KlDirection.TeacherStudent, LabelReplacement.Probabilities, 2.0)]
    [InlineData(KlDirection.TeacherStudent, LabelReplacement.Logits, null)]
    [InlineData(KlDirection.StudentTeacher, LabelReplacement.Logits, null)]
    [InlineData(KlDirection.StudentTeacher, LabelReplacement.None, null)]
    public void Compute_Gradient_AgreesWithFiniteDifferences(KlDirection direction, LabelReplacement replacement, double? hard)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(3, 1), LossData.Logits(3, 2));
        var labels = LossData.HalfWrongLabels(teacher);
        var loss = new KlDivergenceLoss(new() { Temperature = 3, Direction = direction, LabelReplacement = replacement, HardLabelTemperature = hard });
        GradientCheck.Agrees(logits => loss.Compute(logits, teacher, labels).Total, student, 1e-7);
    }

    [Fact]
    public void Compute_Parts_AreTheLossAndTheShareOfReplacedLabels()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(5, 1), LossData.Logits(5, 2));
        var labels = LossData.HalfWrongLabels(teacher);
        foreach (var (replacement, share) in new[] { (LabelReplacement.None, 0.0), (LabelReplacement.Probabilities, 0.4), (LabelReplacement.Logits, 0.4) })
        {
            var terms = new KlDivergenceLoss(new() { LabelReplacement = replacement }).Compute(student, teacher, labels);
            terms.Parts.Keys.Should().BeEquivalentTo("kl", "replaced");
            terms.Parts[LossTerms.Kl].ToDouble().Should().Be(terms.Total.ToDouble());
            terms.Parts[LossTerms.Replaced].ToDouble().Should().BeApproximately(share, 1e-15);
        }
    }

    [Fact]
    public void SoftLabels_TieAtTheTop_CountsTheLowestClass()
    {
        using var scope = NewDisposeScope();
        var teacher = tensor(new double[] { 0, 2, 2, 1, 3, 3, 3, 3 }, [2, 4]);
        SoftLabels.Of(teacher, tensor(new long[] { 1, 0 }), 1, LabelReplacement.Probabilities).Wrong.data<bool>().ToArray().Should().Equal(false, false);
        SoftLabels.Of(teacher, tensor(new long[] { 2, 3 }), 1, LabelReplacement.Probabilities).Wrong.data<bool>().ToArray().Should().Equal(true, true);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Compute_HalfPrecision_IsComputedInFloat32(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1, dtype), LossData.Logits(Samples, 2, dtype));
        var labels = LossData.HalfWrongLabels(teacher);
        var loss = new KlDivergenceLoss(new() { LabelReplacement = LabelReplacement.Probabilities });
        var half = loss.Compute(student, teacher, labels).Total;
        TensorAssert.Same(half, loss.Compute(student.to(ScalarType.Float32), teacher.to(ScalarType.Float32), labels).Total);
        half.dtype.Should().Be(ScalarType.Float32);
    }

    [Fact]
    public void Compute_Teacher_GetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Logits(Samples, 1).requires_grad_(), LossData.Logits(Samples, 2).requires_grad_());
        new KlDivergenceLoss().Compute(student, teacher, LossData.HalfWrongLabels(teacher)).Total.backward();
        (teacher.grad is null).Should().BeTrue();
        student.grad!.abs().sum().ToDouble().Should().BePositive();
    }

    private static double Total(KlDivergenceLossOptions options, Tensor student, Tensor teacher) =>
        new KlDivergenceLoss(options).Compute(student, teacher, LossData.HalfWrongLabels(teacher)).Total.ToDouble();

    /// <summary>The mean of KL(teacher || student) on the rows that the teacher gets right (even ones) and of <paramref name="wrong"/> on the others.</summary>
    private static double Mixed(Tensor student, Tensor teacher, double temperature, Func<double[], long, double> wrong, bool scale = true)
    {
        var soft = LossReference.KlPerSample(student, teacher, temperature);
        var labels = TensorAssert.Longs(LossData.HalfWrongLabels(teacher));
        var rows = LossReference.Rows(student);
        return Enumerable.Range(0, rows.Length).Average(i => i % 2 == 0 ? soft[i] * (scale ? temperature * temperature : 1) : wrong(rows[i], labels[i]));
    }
}
