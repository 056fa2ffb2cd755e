using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp;
using static TorchSharp.torch;

namespace Ardir.Tests;

/// <summary>What is computed twice: here, and in a trimmed program of its own (PackedPackagesTests), which must print the same.</summary>
internal static class TrimmedRun
{
    /// <summary>The results as text. Writes files to <paramref name="folder"/>.</summary>
    public static string Of(string weights, string folder)
    {
        using var scope = NewDisposeScope();
        using var model = SmallCnn.Create();
        var report = model.LoadWeights(weights);
        manual_seed(1);
        var images = rand(6, 1, 28, 28);
        var labels = model.call(images).argmax(1);
        return string.Join(
            '\n', $"weights: {report.Loaded.Count} {report.IsComplete}",
            Pgd(model, images, labels), Ensemble(model, images, labels, folder),
            Hidden(model, images, labels, folder), Train(folder), Converted());
    }

    private static string Pgd(SmallCnn model, Tensor images, Tensor labels)
    {
        var threat = ThreatModel.Linf(0.35);
        var adversarial = new PgdAttack(threat).Perturb(model, images, labels);
        var right = model.call(adversarial).argmax(1).eq(labels).sum().ToInt64();
        var moved = threat.Distance(images, adversarial).max().ToDouble();
        return string.Create(CultureInfo.InvariantCulture, $"PGD: {right} right, {moved:F4}");
    }

    private static string Ensemble(SmallCnn model, Tensor images, Tensor labels, string folder)
    {
        var threat = ThreatModel.Linf(0.15);
        var options = new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [
                new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 5 } }),
                new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 5 }, Classes = 2 }),
                new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 3 }, Classes = 2 }),
                new SquareAttack(threat, new SquareOptions { Queries = 30 })],
            StatePath = Path.Combine(folder, "trimmed.state"),
        };
        using var first = new AutoAttack(threat, options).Evaluate(model, images, labels);
        using var resumed = new AutoAttack(threat, options).Evaluate(model, images, labels);   // all of it from the file
        var json = Path.Combine(folder, "trimmed.json");
        resumed.SaveJson(json);
        resumed.SaveHtml(Path.ChangeExtension(json, "html"));
        var text = File.ReadAllText(json);
        var attacks = string.Join(", ", resumed.Attacks.Select(attack => $"{attack.Name} {attack.Broken} of {attack.Attacked}"));
        var (robust, values) = (resumed.Robust.Count(robust => robust), text.Count(c => c == ':'));
        var same = first.Robust.SequenceEqual(resumed.Robust);
        return $"ensemble: {robust} robust, {attacks}, {values} values in JSON, the same again: {same}";
    }

    /// <summary>Fields and overrides are found by reflection, in a class that the library has never seen.</summary>
    private static string Hidden(SmallCnn model, Tensor images, Tensor labels, string folder)
    {
        var threat = ThreatModel.Linf(0.03);
        var (path, refused) = (Path.Combine(folder, "hidden.state"), 0);
        foreach (IAttack attack in new IAttack[] { new UnnamedSteps(threat, 2), new ApgdAttack(threat, new ApgdOptions { Loss = new ScaledLoss(2) }) })
        {
            try { Evaluate(attack).Dispose(); }
            catch (InvalidOperationException) { refused++; }
        }
        using var told = Evaluate(new NamedSteps(threat, 2));
        return $"hidden options refused: {refused}, told ones: {told.Robust.Count}";

        RobustnessReport Evaluate(IAttack attack)
        {
            var options = new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [attack], StatePath = path, Diagnose = false };
            return new AutoAttack(threat, options).Evaluate(model, images, labels);
        }
    }

    /// <summary>Modules whose parts TorchSharp finds in their fields; one takes two inputs and returns a tuple, which is tapped.</summary>
    private static string Train(string folder)
    {
        using var student = new TwoWays(2);
        using var teacher = new TwoWays(3);
        manual_seed(4);
        using var data = new ImageDataset(randint(256, [32, 1, 6, 6], ScalarType.Byte), randint(3, [32], ScalarType.Int64));
        var (options, directory) = (new ArdirLossOptions { Features = new() { Layers = ["_mix[1]", "_mix._first"] } }, Path.Combine(folder, "trimmed"));
        using var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(options), new TrainerOptions
        {
            Epochs = 2, BatchSize = 16, LearningRate = 0.05,
            Crafting = new OwnCrafting(new PgdAttack(ThreatModel.Linf(0.05), new PgdOptions { Steps = 2 })),
            CheckpointDirectory = directory, Seed = 5,
        });
        var result = trainer.Fit(data, data);
        var loss = string.Join(' ', result.Epochs.Select(epoch => epoch.TrainLoss.ToString("F4", CultureInfo.InvariantCulture)));
        return $"training: {loss}, {student.parameters().Count()} parameters, {FeatureTap.ListLayers(student).Count} layers";
    }

    /// <summary>A conversion sets properties and fields of modules by reflection.</summary>
    private static string Converted()
    {
        manual_seed(6);
        using var model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding: 1), nn.BatchNorm2d(4), nn.PReLU(4), new Scaled(), nn.Flatten(), nn.LayerNorm(4 * 36), nn.Linear(4 * 36, 3));
        model.eval();
        var images = rand(2, 1, 6, 6);
        var before = model.call(images);
        model.to(ScalarType.Float64);
        var after = model.call(images.to_type(ScalarType.Float64));
        var converted = model.state_dict().Count(entry => entry.Value.dtype == ScalarType.Float64);
        var same = after.allclose(before.to_type(ScalarType.Float64), 1e-4, 1e-5);
        return $"converted: {converted} of {model.state_dict().Count}, the same: {same}";
    }

    private class UnnamedSteps(ThreatModel threat, int steps) : Attack(threat)
    {
        public override string Name => "steps";

        protected int Steps => steps;

        protected override Tensor Search(AttackRun run)
        {
            run = run.With(AttackLoss.CrossEntropy);
            var points = run.Images;
            for (var step = 0; step < steps; step++)
                points = Threat.Project(run.Images, points + run.Gradient(points).Gradient.sign() * 0.01);
            return points;
        }
    }

    private sealed class ScaledLoss(double factor) : IAttackLoss
    {
        public string Name => "scaled";

        public Tensor Compute(AttackLossInputs inputs) => AttackLoss.CrossEntropy.Compute(inputs) * factor;
    }

    private sealed class NamedSteps(ThreatModel threat, int steps) : UnnamedSteps(threat, steps)
    {
        public override string ToString() => $"{base.ToString()} {Steps}";
    }

    private sealed class TwoWays : nn.Module<Tensor, Tensor>
    {
        private readonly Mix _mix;
        private readonly TorchSharp.Modules.Linear _last;

        public TwoWays(long seed) : base("two-ways")
        {
            manual_seed(seed);
            (_mix, _last) = (new Mix(), nn.Linear(8, 3));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var (a, b) = _mix.call(input, 1 - input);
            return _last.call((a * b).flatten(1));
        }
    }

    private sealed class Scaled : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor _shift = full(1, 0.25f);

        public Scaled() : base("scaled")
        {
            Scale = new TorchSharp.Modules.Parameter(full(1, 0.5f));
            RegisterComponents();
        }

        public TorchSharp.Modules.Parameter Scale { get; set; }

        public override Tensor forward(Tensor input) => input * Scale + _shift;
    }

    private sealed class Mix : nn.Module<Tensor, Tensor, (Tensor, Tensor)>
    {
        private readonly TorchSharp.Modules.Conv2d _first = nn.Conv2d(1, 2, 3, stride: 2), _second = nn.Conv2d(1, 2, 3, stride: 2);

        public Mix() : base("mix") => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor input1, Tensor input2) => (_first.call(input1), _second.call(input2));
    }
}
