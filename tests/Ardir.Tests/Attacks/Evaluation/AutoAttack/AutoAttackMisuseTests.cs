using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Everything a careless or hostile user may do to the ensemble ends in words that help, or in the right result.</summary>
public sealed class AutoAttackMisuseTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private static readonly Dictionary<string, (Func<Misuse, Misuse> Change, Type Exception, string Says)> _inputs = new()
    {
        ["no model"] = (m => m with { Model = null! }, typeof(ArgumentNullException), "*model*"),
        ["no images"] = (m => m with { Images = null! }, typeof(ArgumentNullException), "*images*"),
        ["no labels"] = (m => m with { Labels = null! }, typeof(ArgumentNullException), "*labels*"),
        ["disposed images"] = (m => m with { Images = Disposed(m.Images) }, typeof(ArgumentException), "*images*disposed*"),
        ["disposed labels"] = (m => m with { Labels = Disposed(m.Labels) }, typeof(ArgumentException), "*labels*disposed*"),
        ["disposed targets"] = (m => m with { Context = new AttackContext { Targets = Disposed(m.Labels) } }, typeof(ArgumentException), "*Targets*disposed*"),
        ["bytes"] = (m => m with { Images = (m.Images * 255).to(ScalarType.Byte) }, typeof(ArgumentException), "*images*Byte*divide uint8 pixels by 255*"),
        ["0 to 255"] = (m => m with { Images = m.Images * 255 }, typeof(ArgumentException), "*images*expected pixels in [0,1]*255*Normalize*"),
        ["normalised outside"] = (m => m with { Images = (m.Images - 0.5) / 0.25 }, typeof(ArgumentException), "*images*expected pixels in [0,1]*normalisation inside the model*Normalize*"),
        ["NaN"] = (m => m with { Images = m.Images.masked_fill(m.Images == m.Images.max(), double.NaN) }, typeof(ArgumentException), "*images*NaN*"),
        ["infinity"] = (m => m with { Images = m.Images / 0 }, typeof(ArgumentException), "*images*infinite*"),
        ["one image without a batch"] = (m => m with { Images = m.Images[0] }, typeof(ArgumentException), "*labels*[6]*[1]*[1,4,4]*unsqueeze*"),
        ["no image at all"] = (m => m with { Images = m.Images.narrow(0, 0, 0), Labels = m.Labels.narrow(0, 0, 0) }, typeof(ArgumentException), "*images*empty*"),
        ["int32 labels"] = (m => m with { Labels = m.Labels.to(ScalarType.Int32) }, typeof(ArgumentException), "*labels*Int32*int64*"),
        ["one-hot labels"] = (m => m with { Labels = nn.functional.one_hot(m.Labels, 4) }, typeof(ArgumentException), "*labels*[6,4]*"),
        ["too few labels"] = (m => m with { Labels = m.Labels.narrow(0, 0, 5) }, typeof(ArgumentException), "*labels*[5]*[6]*"),
        ["a label too high"] = (m => m with { Labels = m.Labels.clamp(3, 3) + 1 }, typeof(ArgumentException), "*labels*4 to 4*4 classes*0 to 3*"),
        ["a label too high in a later batch"] = (m => m with { Labels = where(arange(6) == 5, 4, m.Labels), Attack = Attack(o => o with { BatchSize = 2 }) }, typeof(ArgumentException), "*labels*4*0 to 3*"),
        ["labels from 1 down to -1"] = (m => m with { Labels = m.Labels - 4 }, typeof(ArgumentException), "*labels*start at 0*"),
        ["targets"] = (m => m with { Context = new AttackContext { Targets = m.Labels } }, typeof(ArgumentException), "*untargeted*Targets*null*"),
        ["too few sample numbers"] = (m => m with { Context = new AttackContext { SampleIndices = [1, 2] } }, typeof(ArgumentException), "*SampleIndices*2*6*"),
        ["images of another dtype"] = (m => m with { Images = m.Images.to(ScalarType.Float32) }, typeof(InvalidOperationException), "*Float32 images*parameters are Float64*Convert*"),
        ["a disposed model"] = (m => { m.Model.Dispose(); return m; }, typeof(InvalidOperationException), "*disposed*"),
        ["a model of one class"] = (m => m with { Model = new FuncModel(x => x.sum([2, 3])), Labels = zeros_like(m.Labels) }, typeof(InvalidOperationException), "*one value per image*at least two classes*[-s, s]*"),
        ["a model of maps"] = (m => m with { Model = new FuncModel(x => x) }, typeof(InvalidOperationException), "*[6,1,4,4]*expected floating-point logits [6,K]*"),
        ["a model that returns null"] = (m => m with { Model = new FuncModel(_ => null!) }, typeof(InvalidOperationException), "*null*"),
        ["a model whose classes come and go"] = (m => m with { Model = Growing(), Attack = Attack(o => o with { BatchSize = 2 }) }, typeof(InvalidOperationException), "*5 classes after 4 before*"),
        ["a model that returns a disposed tensor"] = (m => m with { Model = new FuncModel(x => Disposed(m.Model.call(x))) }, typeof(InvalidOperationException), "*returned a tensor that has been disposed*"),
        ["half images, double model"] = (m => m with { Images = m.Images.to(ScalarType.Float16) }, typeof(InvalidOperationException), "*Float16 images*parameters are Float64*Convert*"),
        ["bfloat16 model, float images"] = (m => m with { Model = TinyModels.Smooth(dtype: ScalarType.BFloat16), Images = m.Images.to(ScalarType.Float32) }, typeof(InvalidOperationException), "*Float32 images*parameters are BFloat16*Convert*"),
        ["complex images"] = (m => m with { Images = m.Images.to(ScalarType.ComplexFloat64) }, typeof(ArgumentException), "*images*ComplexFloat64*floating-point*"),
        ["float labels"] = (m => m with { Labels = m.Labels.to(ScalarType.Float32) }, typeof(ArgumentException), "*labels*Float32*int64*"),
        ["one more image than labels"] = (m => m with { Images = m.Images.repeat(2, 1, 1, 1) }, typeof(ArgumentException), "*labels*[6]*[12]*"),
        ["five dimensions"] = (m => m with { Images = m.Images.unsqueeze(0) }, typeof(ArgumentException), "*labels*[6]*[1]*[1,6,1,4,4]*"),
        ["images without channels"] = (m => m with { Images = m.Images.narrow(1, 0, 0) }, typeof(ArgumentException), "*empty*"),
        ["NaN in one pixel of the last image"] = (m => m with { Images = With(m.Images, double.NaN) }, typeof(ArgumentException), "*NaN*"),
        ["one pixel above 1"] = (m => m with { Images = With(m.Images, 1.001) }, typeof(ArgumentException), "*1.001*[0,1]*"),
        ["one pixel below 0"] = (m => m with { Images = With(m.Images, -0.001) }, typeof(ArgumentException), "*-0.001*[0,1]*"),
        ["other shapes in the confirmation"] = (m => m with { Model = Later(m.Model, z => z.select(1, 0)) }, typeof(InvalidOperationException), "*[*]*expected floating-point logits*"),
        ["another number of rows later"] = (m => m with { Model = Later(m.Model, z => z.repeat(2, 1)) }, typeof(InvalidOperationException), "*expected floating-point logits*"),
        ["more classes later"] = (m => m with { Model = Later(m.Model, z => torch.cat([z, z], 1)) }, typeof(InvalidOperationException), "*8 classes after 4 before*"),
        ["integers later"] = (m => m with { Model = Later(m.Model, z => z.to(ScalarType.Int32)) }, typeof(InvalidOperationException), "*Int32*expected floating-point*"),
        ["null later"] = (m => m with { Model = Later(m.Model, _ => null!) }, typeof(InvalidOperationException), "*null*"),
        ["an exception later"] = (m => m with { Model = Later(m.Model, _ => throw new InvalidDataException("on purpose")) }, typeof(InvalidDataException), "on purpose"),
        ["in inference mode"] = (m => m with { Around = () => inference_mode(true) }, typeof(InvalidOperationException), "*inference_mode*no_grad*"),
        ["a model for other channels"] = (m => m with { Model = TinyModels.Smooth(dtype: ScalarType.Float64), Images = m.Images.repeat(1, 3, 1, 1) }, typeof(ArgumentException), "*1 channels*Conv2d*"),
        ["a model for another size"] = (m => m with { Images = m.Images.repeat(1, 1, 2, 1) }, typeof(InvalidOperationException), "*failed on Float64 images [6,1,8,4]*"),
        ["a model of integers"] = (m => m with { Model = new FuncModel(x => x.flatten(1).to(ScalarType.Int64)) }, typeof(InvalidOperationException), "*Int64*floating-point*"),
    };

    private static readonly Dictionary<string, (Func<AutoAttackOptions, AutoAttackOptions> Change, string Says)> _options = new()
    {
        ["no batch"] = (o => o with { BatchSize = 0 }, "*BatchSize*at least 1*"),
        ["negative batch"] = (o => o with { BatchSize = -3 }, "*BatchSize*at least 1*"),
        ["unknown version"] = (o => o with { Version = (AutoAttackVersion)9 }, "*Unknown version*"),
        ["attacks for a version that has its own"] = (o => o with { Version = AutoAttackVersion.Standard }, "*Standard*its own*Custom*"),
        ["custom without attacks"] = (o => o with { Attacks = null }, "*Custom*at least one attack*"),
        ["custom with an empty list"] = (o => o with { Attacks = [] }, "*Custom*at least one attack*"),
        ["an attack that is null"] = (o => o with { Attacks = [new FgsmAttack(_threat), null!] }, "*null*Attacks*"),
        ["an attack without a name"] = (o => o with { Attacks = [new Nameless()] }, "*Nameless*no name*"),
        ["a Linf curve beyond the box"] = (o => o with { SecurityCurve = [0.1, 8] }, "*SecurityCurve holds 8*8/255*"),
        ["an attack of another budget"] = (o => o with { Attacks = [new FgsmAttack(ThreatModel.Linf(0.1))] }, "*FGSM*Linf(0.1)*Linf(0.05)*"),
        ["curve with a negative budget"] = (o => o with { SecurityCurve = [0.1, -0.1] }, "*SecurityCurve*positive*"),
        ["curve with NaN"] = (o => o with { SecurityCurve = [double.NaN] }, "*SecurityCurve*positive*"),
        ["no curve"] = (o => o with { SecurityCurve = null! }, "*SecurityCurve*"),
        ["empty path"] = (o => o with { StatePath = "" }, "*StatePath is empty*"),
        ["blank path"] = (o => o with { StatePath = "  " }, "*StatePath is empty*"),
    };

    private static readonly Dictionary<string, (Func<Tensor, Tensor, Tensor> Perturb, string Says)> _attacks = new()
    {
        ["null"] = ((_, _) => null!, "*foreign*null*"),
        ["disposed"] = ((x, _) => Disposed(x), "*foreign*disposed*"),
        ["fewer images"] = ((x, _) => x.narrow(0, 0, 1), "*foreign*[1,1,4,4]*expected*[5,1,4,4]*"),
        ["flat images"] = ((x, _) => x.flatten(1), "*foreign*[5,16]*expected*"),
        ["another dtype"] = ((x, _) => x.to(ScalarType.Float32), "*foreign*Float32*expected Float64*"),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Inputs => [.. _inputs.Keys];

    public static TheoryData<string> Options => [.. _options.Keys];

    public static TheoryData<string> Attacks => [.. _attacks.Keys];

    [Theory]
    [MemberData(nameof(Inputs))]
    public void Evaluate_WrongInput_IsNamed(string row)
    {
        using var scope = NewDisposeScope();
        var (change, exception, says) = _inputs[row];
        var misuse = change(NewMisuse());
        Action act = () => misuse.Evaluate();
        var thrown = act.Should().Throw<Exception>().WithMessage(says).Which;
        thrown.Should().BeAssignableTo(exception);
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void Constructor_WrongOption_IsNamed(string row)
    {
        Action act = () => Attack(_options[row].Change);
        act.Should().Throw<ArgumentException>().WithMessage(_options[row].Says);
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Evaluate_AttackThatReturnsNonsense_IsNamed(string row)
    {
        using var scope = NewDisposeScope();
        var (perturb, says) = _attacks[row];
        Action act = () => (NewMisuse() with { Attack = Attack(o => o with { Attacks = [new ForeignAttack(_threat, (_, x, y) => perturb(x, y))] }) }).Evaluate();
        act.Should().Throw<InvalidOperationException>().WithMessage(says);
    }

    [Fact]
    public void Evaluate_AttacksThatCheat_WinNothing()
    {
        using var scope = NewDisposeScope();
        Func<Tensor, Tensor, Tensor>[] cheats =
        [
            (x, _) => x.add_(0.9),
            (x, y) => { y.add_(1); return x; },
            (x, _) => x * double.NaN,
            (x, _) => x + 100,
        ];
        foreach (var cheat in cheats)
        {
            var misuse = NewMisuse() with { Attack = Attack(o => o with { Attacks = [new ForeignAttack(_threat, (_, x, y) => cheat(x, y))] }) };
            using var report = misuse.Evaluate();
            report.RobustAccuracy.Should().Be(report.CleanAccuracy);
            TensorAssert.Same(report.Adversarial, misuse.Images);
        }
    }

    [Fact]
    public void Constructor_ListsChangedLater_ChangeNothing()
    {
        using var scope = NewDisposeScope();
        var attacks = new List<IAttack> { new FgsmAttack(_threat) };
        var budgets = new List<double> { 0.01 };
        var attack = Attack(o => o with { Attacks = attacks, SecurityCurve = budgets });
        attacks.Clear();
        budgets.Add(-1);
        using var report = (NewMisuse() with { Attack = attack }).Evaluate();
        report.Attacks.Should().ContainSingle().Which.Name.Should().Be("FGSM");
        report.Data.SecurityCurve.Should().ContainSingle();
    }

    [Fact]
    public void Evaluate_EverythingMisclassified_AttacksNothing()
    {
        using var scope = NewDisposeScope();
        var misuse = NewMisuse();
        misuse = misuse with { Labels = (misuse.Model.call(misuse.Images).argmax(1) + 1).remainder(4), Attack = new AutoAttack(_threat) };
        using var report = misuse.Evaluate();
        (report.CleanAccuracy, report.RobustAccuracy).Should().Be((0, 0));
        report.Attacks.Should().HaveCount(4).And.OnlyContain(attack => attack.Attacked == 0 && attack.Broken == 0 && attack.SampleForwards == 0 && attack.RobustAccuracyAfter == 0);
        report.BrokenBy.Should().OnlyContain(name => name == null);
        report.ConfidenceInterval.Low.Should().Be(0);
        TensorAssert.Same(report.Adversarial, misuse.Images);
        SaveAll(report);
    }

    [Fact]
    public void Evaluate_EverythingRobust_ReturnsTheImages()
    {
        using var scope = NewDisposeScope();
        var misuse = NewMisuse();
        misuse = misuse with { Labels = misuse.Model.call(misuse.Images).argmax(1), Attack = new AutoAttack(ThreatModel.Linf(1e-7)) };
        using var report = misuse.Evaluate();
        (report.CleanAccuracy, report.RobustAccuracy).Should().Be((1, 1));
        report.ConfidenceInterval.High.Should().Be(1);
        report.Findings.Should().BeEmpty();
        TensorAssert.Same(report.Adversarial, misuse.Images);
        SaveAll(report);
    }

    [Fact]
    public void Evaluate_OddTensors_AreLeftAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var misuse = NewMisuse();
        using var plain = misuse.Evaluate();
        var strided = misuse.Images.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0);
        var leaf = misuse.Images.clone().requires_grad_();
        foreach (var images in new[] { strided, leaf })
        {
            using var report = (misuse with { Images = images }).Evaluate();
            TensorAssert.Same(report.Adversarial, plain.Adversarial);
            report.Adversarial.requires_grad.Should().BeFalse();
            TensorAssert.Same(images, misuse.Images);
        }
        leaf.grad.Should().BeNull();
        misuse.Model.parameters().All(parameter => parameter.grad is null && parameter.requires_grad).Should().BeTrue();
        var same = misuse.Images.narrow(0, 0, 1).expand(6, 1, 4, 4);
        using var copies = (misuse with { Images = same, Labels = misuse.Model.call(same).argmax(1) }).Evaluate();
        copies.CleanAccuracy.Should().Be(1);
    }

    [Fact]
    public void Evaluate_OneModelInTwoThreads_GivesTwoRightResults()
    {
        using var scope = NewDisposeScope();
        var misuse = NewMisuse();
        misuse.Model.eval();
        using var expected = misuse.Evaluate();
        var results = new (bool[] Robust, double[] Points)[2];
        var threads = Enumerable.Range(0, 2).Select(i => new Thread(() =>
        {
            for (var round = 0; round < 5; round++)
            {
                using var report = misuse.Evaluate();
                results[i] = ([.. report.Robust], TensorAssert.Values(report.Adversarial));
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        foreach (var (robust, points) in results)
        {
            robust.Should().Equal(expected.Robust);
            points.Should().Equal(TensorAssert.Values(expected.Adversarial));
        }
    }

    [Fact]
    public void Evaluate_TwoOnOneStateFile_TheSecondIsRefused()
    {
        using var scope = NewDisposeScope();
        var misuse = NewMisuse() with { Attack = Attack(o => o with { StatePath = _folder.File("run.state") }) };
        IOException? refused = null;
        var model = misuse.Model;
        var inside = misuse with
        {
            Context = new AttackContext
            {
                Progress = new ListProgress<AttackProgress>(_ =>
                {
                    try { misuse.Evaluate().Dispose(); }
                    catch (IOException e) { refused ??= e; }
                }),
            },
        };
        using var report = inside.Evaluate();
        refused.Should().NotBeNull();
        refused!.Message.Should().Contain("run.state").And.Contain("a file of its own");
        using var plain = (misuse with { Attack = Attack(o => o) }).Evaluate();
        report.Robust.Should().Equal(plain.Robust);
    }

    [Fact]
    public void Evaluate_EnsembleInAnEnsemble_Works()
    {
        using var scope = NewDisposeScope();
        var misuse = NewMisuse();
        using var plain = misuse.Evaluate();
        using var nested = (misuse with { Attack = Attack(o => o with { Attacks = [Attack(inner => inner)] }) }).Evaluate();
        nested.Robust.Should().Equal(plain.Robust);
        nested.BrokenBy.Distinct().Should().BeEquivalentTo([null, "AutoAttack-custom"]);
    }

    [Fact]
    public void Evaluate_ThousandsOfClasses_TakesOnlyTheNearest()
    {
        using var scope = NewDisposeScope();
        var model = TinyModels.Linear(20_000);
        var images = TinyModels.Images(2, ScalarType.Float64);
        using var report = new AutoAttack(ThreatModel.Linf(1e-5)).Evaluate(model, images, model.call(images).argmax(1));
        report.RobustAccuracy.Should().Be(1);
        report.Attacks[1].SampleBackwards.Should().BeLessThanOrEqualTo(2 * 9 * 101);
    }

    public void Dispose() => _folder.Dispose();

    private static AutoAttack Attack(Func<AutoAttackOptions, AutoAttackOptions> change) => new(_threat, change(new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks = [new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new FgsmAttack(_threat), new SquareAttack(_threat, new SquareOptions { Queries = 10 })],
    }));

    private static Misuse NewMisuse()
    {
        var model = TinyModels.Linear();
        var images = TinyModels.Images(6, ScalarType.Float64);
        return new Misuse(model, images, TinyModels.Predicted(model, images), Attack(o => o), new AttackContext());
    }

    private static FuncModel Growing()
    {
        var (few, many, calls) = (TinyModels.Linear(), TinyModels.Linear(5), 0);
        return new FuncModel(x => ++calls % 2 == 0 ? many.call(x) : few.call(x));
    }

    private static Tensor With(Tensor images, double pixel)
    {
        var changed = images.clone();
        changed[^1, 0, 3, 3] = pixel;
        return changed;
    }

    /// <summary>Behaves for the diagnosis and the clean pass, and then no more.</summary>
    private static FuncModel Later(nn.Module<Tensor, Tensor> model, Func<Tensor, Tensor> change)
    {
        var calls = 0;
        return new FuncModel(x => ++calls > 9 ? change(model.call(x)) : model.call(x));
    }

    private static Tensor Disposed(Tensor tensor)
    {
        var copy = tensor.clone();
        copy.Dispose();
        return copy;
    }

    private void SaveAll(RobustnessReport report)
    {
        report.SaveJson(_folder.File("r.json"));
        report.SaveMarkdown(_folder.File("r.md"));
        report.SaveHtml(_folder.File("r.html"));
        JsonReport.Read(_folder.File("r.json")).Should().BeEquivalentTo(JsonReport.Describe(report));
        File.ReadAllText(_folder.File("r.html")).Should().NotContain("NaN");
    }

    private sealed class Nameless : IAttack
    {
        public string Name => null!;

        public ThreatModel Threat => _threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;
    }

    private sealed record Misuse(nn.Module<Tensor, Tensor> Model, Tensor Images, Tensor Labels, AutoAttack Attack, AttackContext Context)
    {
        /// <summary>What the evaluation runs in.</summary>
        public Func<IDisposable?> Around { get; init; } = () => null;

        public RobustnessReport Evaluate()
        {
            using var around = Around();
            return Attack.Evaluate(Model, Images, Labels, Context);
        }
    }
}
