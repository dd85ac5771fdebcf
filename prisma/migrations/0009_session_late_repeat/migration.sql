-- The answer of a refresh may be lost. rotated_by is the kind of client that it was for, late_counter the last refresh
-- token that was sent again after the grace. No index has them, so a refresh stays a HOT update.
ALTER TABLE "session" ADD COLUMN     "late_counter" INTEGER,
ADD COLUMN     "rotated_by" TEXT;
