using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>A teacher that is often wrong is named, once, where its answers are replaced.</summary>
public sealed class TrainerTeacherWarningTests
{
    // An untrained network gives all images the same class, or nearly so.
    [Theory]
    [InlineData(LabelReplacement.Probabilities, 1)]
    [InlineData(LabelReplacement.None, 0)]
    public void Fit_TeacherThatIsOftenWrong_IsNamedOnceWhereLabelsAreReplaced(LabelReplacement replacement, int warnings)
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(8);
        var logger = new ListLogger();
        var loss = new ArdirLoss(new() { Kl = new() { LabelReplacement = replacement } });
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(2) with { Logger = logger });
        var result = trainer.Fit(data);
        var said = logger.Entries.Where(entry => entry.Level == LogLevel.Warning && entry.Message.StartsWith("The teacher is wrong about", StringComparison.Ordinal)).ToList();
        said.Should().HaveCount(warnings);
        if (warnings > 0) result.Epochs[0].Terms[LossTerms.Replaced].Should().BeGreaterThan(0.3);
    }

    [Fact]
    public void Fit_GoodTeacher_IsNotNamed()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        // The brightest third of the columns is the class.
        using var teacher = new FuncModel(images => stack([.. new[] { 0, 3, 6 }.Select(from => images.narrow(3, from, from == 6 ? 2 : 3).mean([1, 2, 3]))], 1) * 10);
        var logger = new ListLogger();
        using var trainer = new DistillationTrainer(student, teacher, new ArdLoss(new() { Kl = new() { LabelReplacement = LabelReplacement.Probabilities } }), TrainingWorld.Options(1) with { Logger = logger });
        trainer.Fit(data).Epochs[0].Terms[LossTerms.Replaced].Should().Be(0);
        logger.Entries.Should().NotContain(entry => entry.Message.StartsWith("The teacher is wrong", StringComparison.Ordinal));
    }
}
