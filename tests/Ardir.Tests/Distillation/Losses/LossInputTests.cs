using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What losses say about inputs that do not fit.</summary>
public sealed class LossInputTests
{
    [Fact]
    public void Compute_LogitsOfDifferentShapes_NamesBoth()
    {
        using var scope = NewDisposeScope();
        Refused(() => new KlDivergenceLoss().Compute(LossData.Logits(3, 1), LossData.Logits(3, 2, classes: 4), zeros(3, dtype: ScalarType.Int64)), "[3,5]", "[3,4]");
    }

    [Fact]
    public void PerSample_InputsThatDoNotFit_AreRefusedInAnAttackAsInTraining()
    {
        using var scope = NewDisposeScope();
        var loss = new ArdirLoss(new() { Beta = 0 });
        var (pass, labels) = (new TappedOutput(LossData.Logits(3, 1)), zeros(3, dtype: ScalarType.Int64));
        Refused(() => loss.PerSample(pass, new TappedOutput(LossData.Logits(3, 2, classes: 4)), labels), "[3,5]", "[3,4]");
        Refused(() => loss.PerSample(pass, new TappedOutput(LossData.Logits(1, 2)), labels), "[3]", "[1]");
        // Once per attack instead of once per gradient: the attack asks, because the range of labels is known after a look at the device.
        var (student, teacher) = (new FuncModel(x => LossData.Logits(3, 1) + x.sum()), new FuncModel(x => LossData.Logits(3, 2) + x.sum()));
        var attack = new PgdAttack(ThreatModel.Linf(0.1), new() { Loss = new ArdirAttackLoss(student, teacher, new() { Beta = 0 }) });
        Refused(() => attack.Perturb(student, zeros([3, 1, 2, 2]), tensor(new long[] { 0, 5, 1 })), "from 0 to 5", "5 classes");
    }

    [Fact]
    public void Compute_MapsOfDifferentShapes_NamesLayersAndBothShapes()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (TinyModels.Random([2, 3, 4, 4], 1), TinyModels.Random([2, 3, 2, 2], 2));
        Refused(() => new LpipsInternalLoss().Distance(LossData.Named(student), new FeatureMaps([("block1", teacher)])), "layer1", "block1", "[2,3,4,4]", "[2,3,2,2]");
        Refused(() => new LpipsInternalLoss().Distance(LossData.Named(student.flatten()), LossData.Named(teacher)), "[96]", "[N,C,H,W]");
    }

    [Fact]
    public void Compute_MissingFeatures_SaysHowToGetThem()
    {
        using var scope = NewDisposeScope();
        var (student, teacher, labels) = (LossData.Pass(2, 1), LossData.Pass(2, 2), LossData.HalfWrongLabels(LossData.Logits(2, 2)));
        Refused(() => new ArdirLoss().Compute(new TappedOutput(student.Output), teacher, labels), "no feature maps", "FeatureTap.Attach");
        Refused(() => new ArdirLoss().Compute(student, new TappedOutput(teacher.Output), labels), "2 feature maps (layer1, layer2)", "teacher 0");
        Refused(() => new LpipsInternalLoss(new() { LayerWeights = [1, 1, 1] }).Compute(student, teacher), "3 layer weights for 2");
        new ArdirLoss(new() { Beta = 0 }).Compute(new TappedOutput(student.Output), new TappedOutput(teacher.Output), labels).Total.ToDouble().Should().BePositive();
    }

    public static TheoryData<string> LabelLosses => ["Standard", "SAT", "KD", "ARD", "ARD hard", "KL", "ARDIR", "TRADES", "MART", "RSLAD", "IAD-I", "IAD-II", "AKD2"];

    [Theory, MemberData(nameof(LabelLosses))]
    public void Compute_LabelsThatDoNotFit_SaysWhatWasExpected(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(3);
        Refused(() => loss.Compute(inputs with { Labels = tensor(new long[] { 0, 5, 1 }) }), "from 0 to 5", "5 classes");
        Refused(() => loss.Compute(inputs with { Labels = tensor(new long[] { 0, -1, 1 }) }), "from -1 to 1");
        Refused(() => loss.Compute(inputs with { Labels = tensor(new[] { 0, 1, 2 }) }), "Int32", "int64");
        Refused(() => loss.Compute(inputs with { Labels = tensor(new long[] { 0, 1 }) }), "[2]", "[3]");
        Refused(() => loss.Compute(inputs with { Labels = nn.functional.one_hot(inputs.Labels, 5) }), "[3,5]");
    }

    [Theory, MemberData(nameof(LabelLosses))]
    public void Compute_LogitsThatAreNone_SaysWhatWasExpected(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        void With(Tensor logits, params string[] message)
        {
            var pass = new TappedOutput(logits, LossData.Named(LossData.Maps(3, 1)));
            var inputs = new DistillationInputs { Labels = zeros(3, dtype: ScalarType.Int64), StudentClean = pass, StudentAdversarial = pass, TeacherClean = pass, TeacherOnStudentAdversarial = pass, StandardTeacherOnStudentAdversarial = pass };
            Refused(() => loss.Compute(inputs), message);
        }

        With(LossData.Logits(3, 1, classes: 1), "[3,1]", "two classes");
        With(LossData.Logits(3, 1).flatten(), "[15]");
        With(ones(3, 5, dtype: ScalarType.Int64), "Int64");
    }

    public static TheoryData<string> AllLosses => [.. LossCases.Names];

    [Theory, MemberData(nameof(AllLosses))]
    public void Compute_MissingPass_NamesIt(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(3);
        loss.Invoking(l => l.Compute(null!)).Should().Throw<ArgumentNullException>();
        foreach (var (pass, without) in new[]
        {
            (NetworkPass.StudentClean, inputs with { StudentClean = null }), (NetworkPass.StudentAdversarial, inputs with { StudentAdversarial = null }),
            (NetworkPass.TeacherClean, inputs with { TeacherClean = null }), (NetworkPass.TeacherAdversarial, inputs with { TeacherAdversarial = null }),
            (NetworkPass.TeacherOnStudentAdversarial, inputs with { TeacherOnStudentAdversarial = null }),
            (NetworkPass.StandardTeacherOnStudentAdversarial, inputs with { StandardTeacherOnStudentAdversarial = null }),
        })
        {
            if (loss.Needs.Passes.Contains(pass)) Refused(() => loss.Compute(without), pass.ToString());
            else loss.Compute(without).Total.ToDouble().Should().Be(LossData.Value(loss, inputs), "a pass that is not declared is not used");
        }
    }

    private static void Refused(Action action, params string[] message)
    {
        var thrown = action.Should().Throw<ArgumentException>().Which;
        foreach (var part in message) thrown.Message.Should().Contain(part);
    }
}
